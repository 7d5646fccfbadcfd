r"""Sends pictures to a model server and writes or prints what it answers.

  nst-query --rest=http://localhost:8501 --model=stylizer --content=photo.jpg --style=starry_night \
      --output=painted.png
  nst-query --model=stylizer --content=photos/ --style=wave:0.7,ink:0.3 --output=painted/ --parallel=4
  nst-query --model=any --content=photo.jpg --style=painting.jpg --output=painted.png
  nst-query --model=flowers --content=photo.jpg           a classifier: prints class and probability
  nst-query --grpc=localhost:8500 --model=stylizer --show=styles

Works with nst-serve and with TensorFlow Serving. While the server is away, it is tried again.
"""

import dataclasses
import json
import sys
from typing import TYPE_CHECKING

from nst_keras.cli import common, field_flags
from nst_keras.errors import InputError
from nst_keras.serving.client.settings import NOTHING, CallSettings, PictureSettings, QuerySettings
from nst_keras.serving.extra import require_packages

if TYPE_CHECKING:
    from nst_keras.serving.client.client import Client
    from nst_keras.serving.client.picture_files import Done

FLAGS = field_flags.flags_of(QuerySettings, PictureSettings, CallSettings)


@common.command(__doc__, FLAGS, first=["model", "content", "style", "output", "rest", "grpc", "show"])
def main() -> int:
    """Entry point of `nst-query`."""
    query = field_flags.parsed(QuerySettings, FLAGS)
    pictures = field_flags.parsed(PictureSettings, FLAGS)
    calls = field_flags.parsed(CallSettings, FLAGS)
    require_packages()
    from nst_keras.serving.client.client import connect

    client = connect(query.address, calls)
    if query.show != NOTHING:
        print(_show(client, query))
        return 0
    from nst_keras.serving.client.picture_files import send_files
    from nst_keras.serving.client.pictures import PictureModel

    model = PictureModel(client, query.spec, pictures)
    failed = 0
    for done in send_files(model, query.content, query.output, parallel=query.parallel):
        failed += done.problem is not None
        _report(done, as_json=query.json)
    return int(failed > 0)


def _show(client: "Client", query: QuerySettings) -> str:
    from nst_keras.serving.client.pictures import read_description, read_styles

    if query.show == "status":
        return json.dumps([dataclasses.asdict(status) for status in client.status(query.spec)], indent=1)
    signatures = client.signatures(query.spec)
    if query.show == "description":
        return json.dumps(read_description(client, query.spec, signatures), indent=1)
    if query.show == "styles":
        styles = read_styles(client, query.spec, signatures)
        if not styles:
            raise InputError(f"{query.model}: has no styles with names")
        return "\n".join(styles)
    return "\n".join(f"{name}{signature}" for name, signature in sorted(signatures.items()))


def _report(done: "Done", *, as_json: bool) -> None:
    shown = done.classification
    if done.problem:
        print(f"{done.path}: error: {done.problem}", file=sys.stderr)
    elif as_json:
        result = dataclasses.asdict(shown) if shown else {"output": str(done.written)}
        print(json.dumps({"content": str(done.path), **result}))
    elif shown:
        print(f"{done.path}  {shown.class_name}  {shown.probability:.3f}")
    else:
        print(done.written)


if __name__ == "__main__":
    main()
