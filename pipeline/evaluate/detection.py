"""Events told by their logits, and ranks: numbers with intervals by resampling groups."""

import torch
from torch import Tensor

from pipeline.metrics.bootstrap import resampled_intervals
from pipeline.metrics.schema.state_model import Detection, Estimate


def detection(logits: Tensor, labels: Tensor, groups: Tensor) -> Detection | None:
    """How well events are told; None where there are no labels.

    Args:
        logits: [N, ...].
        labels: 0 or 1, the same shape.
        groups: int64 [N], the clip or the episode of each row, which are resampled.
    """
    if not labels.numel():
        return None
    said, true = (logits > 0).flatten(1).double(), (labels > 0.5).flatten(1).double()
    count = torch.stack([(said * true).sum(1), said.sum(1), true.sum(1)], 1)  # [N, 3]
    hits, alarms, events = sums = by_group(count, groups).T
    total = [int(each.sum()) for each in sums]

    def share(of: Tensor, among: Tensor) -> Estimate | None:
        return ratio(of, among) if among.sum() else None

    return Detection(
        n=labels.numel(),
        events=total[2],
        alarms=total[1],
        precision=share(hits, alarms),
        recall=share(hits, events),
        f1=share(2 * hits, alarms + events) if total[2] else None,
    )


def by_group(values: Tensor, groups: Tensor) -> Tensor:
    """Sums [G, K] of values [N, K] over the rows of each group, int64 [N]."""
    names, index = groups.unique(return_inverse=True)
    return values.new_zeros(len(names), values.shape[1]).index_add(0, index, values)


def ratio(of: Tensor, among: Tensor) -> Estimate:
    """The sum of `of` [G] over that of `among` [G], by resampling both in pairs."""
    low, high = resampled_intervals(
        torch.stack([of, among], 1), lambda sums: sums[:, 0] / sums[:, 1]
    )
    return Estimate(value=float(of.sum() / among.sum()), interval=(low, high))


def spearman(a: Tensor, b: Tensor) -> float:
    """Rank correlation of [N] and [N] without ties."""
    ranks = torch.stack([each.argsort().argsort().double() for each in (a, b)])
    return float(torch.corrcoef(ranks)[0, 1])


def rank_correlation(a: Tensor, b: Tensor, groups: Tensor, resamples: int = 500) -> Estimate:
    """Spearman's correlation of [N] and [N], by resampling groups int64 [N]."""
    rows = [torch.nonzero(groups == name).flatten() for name in groups.unique()]
    generator, found = torch.Generator().manual_seed(0), []
    for _ in range(resamples):
        drawn = torch.randint(len(rows), (len(rows),), generator=generator)
        chosen = torch.cat([rows[number] for number in drawn.tolist()])
        # Rows drawn twice tie; they share a mean rank as good as any order of them.
        found.append(spearman(a[chosen], b[chosen]))
    ends = torch.tensor([0.025, 0.975], dtype=torch.float64)
    low, high = torch.quantile(torch.tensor(found, dtype=torch.float64), ends).tolist()
    return Estimate(value=spearman(a, b), interval=(low, high))
