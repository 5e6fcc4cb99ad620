from tests.unit.benchmarks.harness.conftest import cores as cores
from tests.unit.benchmarks.harness.conftest import stub as stub
