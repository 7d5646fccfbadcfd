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
from typing import TYPE_CHECKING, Any

from absl import flags

from nst_keras.cli import common, field_flags
from nst_keras.serving.client.settings import NOTHING, CallSettings, PictureSettings, QuerySettings
from nst_keras.serving.extra import require_packages

if TYPE_CHECKING:
    from nst_keras.serving.client.client import Client
    from nst_keras.serving.client.picture_files import Done

FLAGS = flags.FlagValues()
field_flags.define(QuerySettings, FLAGS)
field_flags.define(PictureSettings, FLAGS)
field_flags.define(CallSettings, FLAGS)


def main() -> None:
    """Entry point of `nst-query`."""
    common.run(_main, __doc__, FLAGS)


def _main() -> int:
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
        return _to_json([dataclasses.asdict(status) for status in client.status(query.spec)])
    signatures = client.signatures(query.spec)
    if query.show == "description":
        return _to_json(read_description(client, query.spec, signatures))
    if query.show == "styles":
        return "\n".join(read_styles(client, query.spec, signatures))
    return "\n".join(f"{name}{signature}" for name, signature in sorted(signatures.items()))


def _report(done: "Done", *, as_json: bool) -> None:
    if done.problem:
        print(f"{done.path}: error: {done.problem}", file=sys.stderr)
    elif as_json:
        result = (
            dataclasses.asdict(done.classification) if done.classification else {"output": str(done.written)}
        )
        print(json.dumps({"content": str(done.path), **result}))
    elif done.classification:
        print(f"{done.path}  {done.classification.class_name}  {done.classification.probability:.3f}")
    else:
        print(done.written)


def _to_json(document: Any) -> str:
    return json.dumps(document, indent=1)


if __name__ == "__main__":
    main()
