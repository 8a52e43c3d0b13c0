"""The weights that are kept: their running mean and the normalisations that fit them."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [training]")

# Only where torch is installed can the lab be imported.
from downcore_training.fitting.averaging import RunningMean, renormalise  # noqa: E402 - see above


def weights_at(module: "torch.nn.Module", value: float) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(value)


def test_a_running_mean_without_memory_is_the_newest_weights() -> None:
    module, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    mean = RunningMean(module, decay=0.0)
    weights_at(module, 7.0)

    mean.add(module, 1)
    mean.put_into(other)

    assert (other.weight == 7).all()


def test_a_running_mean_forgets_by_its_decay() -> None:
    module, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    weights_at(module, 0.0)
    mean = RunningMean(module, decay=0.9)
    weights_at(module, 1.0)

    # Late in a run, when the short mean of the start is over.
    for step in range(1_000, 1_005):
        mean.add(module, step)
    mean.put_into(other)

    torch.testing.assert_close(other.weight, torch.full((2, 3), 1 - 0.9**5))


def test_the_random_weights_of_the_start_leave_the_mean_early() -> None:
    module, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    weights_at(module, 0.0)
    mean = RunningMean(module, decay=0.999)
    weights_at(module, 1.0)

    for step in range(1, 51):
        mean.add(module, step)
    mean.put_into(other)

    assert other.weight.min() > 0.99


def test_a_mean_goes_on_from_its_state() -> None:
    module = torch.nn.Linear(3, 2)
    one, other = RunningMean(module, 0.9), RunningMean(torch.nn.Linear(3, 2), 0.9)
    other.restore(one.state())

    for mean in (one, other):
        mean.add(torch.nn.Linear(3, 2) if mean is None else module, 40)

    for key, value in one.state().items():
        assert torch.equal(value, other.state()[key]), key


def test_statistics_are_taken_anew_over_all_batches_alike() -> None:
    torch.manual_seed(0)
    norm = torch.nn.BatchNorm2d(3)
    norm.running_mean.fill_(99.0)
    batches = [torch.randn(8, 3, 4, 4) * 2 + 5 for _ in range(6)]
    module = torch.nn.Sequential(norm)
    module.eval()

    renormalise(module, batches)

    means = torch.stack([one.mean(dim=(0, 2, 3)) for one in batches])
    variances = torch.stack([one.transpose(0, 1).reshape(3, -1).var(dim=1) for one in batches])
    torch.testing.assert_close(norm.running_mean, means.mean(dim=0))
    torch.testing.assert_close(norm.running_var, variances.mean(dim=0))
    assert norm.momentum == 0.1
    assert not module.training
    assert not norm.training


def test_weights_are_left_alone() -> None:
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    before = {k: v.clone() for k, v in module.named_parameters()}

    renormalise(module, [torch.randn(2, 3, 8, 8)])

    for key, value in module.named_parameters():
        assert torch.equal(value, before[key]), key
