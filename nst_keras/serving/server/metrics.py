"""What a server counts, as Prometheus reads it, under TensorFlow Serving's names."""

import prometheus_client as prometheus

_PREFIX = ":tensorflow:serving:"
# Microseconds, as in TensorFlow Serving (servables/tensorflow/util.cc): up to about 20 minutes.
_BUCKETS = [10 * 1.8**power for power in range(33)]
METRICS_PATH = "/monitoring/prometheus/metrics"


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self._registry = prometheus.CollectorRegistry()
        prometheus.PlatformCollector(registry=self._registry)
        prometheus.ProcessCollector(registry=self._registry)
        # A gauge that only grows: the library would add _total to a counter's name.
        self._requests = prometheus.Gauge(
            f"{_PREFIX}request_count",
            "The total number of requests.",
            ["model_name", "status"],
            registry=self._registry,
        )
        self._seconds = prometheus.Histogram(
            f"{_PREFIX}request_latency",
            "Distribution of wall time (in microseconds) for requests.",
            ["model_name", "API", "entrypoint"],
            buckets=_BUCKETS,
            registry=self._registry,
        )

        self._logged = prometheus.Gauge(
            ":nst_keras:request_log_count",
            "Pictures that the request log took (written) or couldn't (failed); requests that found it full "
            "(dropped).",
            ["outcome"],
            registry=self._registry,
        )

    def count_logged(self, outcome: str, number: int = 1) -> None:
        """Counts what became of pictures, or of a request, in the request log."""
        self._logged.labels(outcome).inc(number)

    def count(self, model_name: str, status: str, seconds: float, method: str, entrypoint: str) -> None:
        """Counts a request for a served model: others' names would let clients fill the memory.

        `status` is OK or gRPC's name of the error, the entrypoint REST or GRPC, and the method is written as
        there: predict or Predict. As in TensorFlow Serving, only answers have a latency.
        """
        self._requests.labels(model_name, status).inc()
        if status == "OK":
            self._seconds.labels(model_name, method, entrypoint).observe(seconds * 1e6)

    def page(self) -> bytes:
        """The page that Prometheus reads."""
        return prometheus.generate_latest(self._registry)
