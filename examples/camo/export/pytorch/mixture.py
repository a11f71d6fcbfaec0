"""A sparse mixture of experts."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from .settings import AUXILIARY, AVERAGE, CHOSEN, CLAMP, ENTROPY, LEAK, LIMIT
from .settings import NOISE, RATE, TEMPERATURE, TILE, Z_LOSS


class GateViews(nn.Module):
    """Three views of a map as dim / 2 features: (B, C, H, W) -> (B, C / 2)."""

    def __init__(self, dim):
        super().__init__()
        few = dim // 4
        self.spatial = nn.Conv2d(dim, few, 3, padding=1, groups=few)
        self.channel = nn.Linear(dim, few)
        self.max = nn.Linear(dim, few)
        self.mix = nn.Linear(3 * few, dim // 2)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x):
        near = F.gelu(self.spatial(x)).mean((2, 3))
        average = F.gelu(self.channel(x.mean((2, 3))))
        most = F.gelu(self.max(x.amax((2, 3))))
        views = torch.cat((near, average, most), dim=1)
        return self.dropout(F.gelu(self.mix(views)))


class Router(nn.Module):
    """Chooses experts for each row, and their weights.

    The weights are a softmax over the chosen logits.  The balance decides  # if not by_share
    only who is chosen; it evens out the load: Wang et al. 2024,  # if not by_share
    arXiv:2408.15664.  # if not by_share
    The weights are a softmax over the chosen logits.  The balance is added  # if by_share
    to the shares of all and decides only who is chosen: Wang et al. 2024,  # if by_share
    arXiv:2408.15664.  # if by_share
    The loss evens out the load: Fedus et al. 2021, arXiv:2101.03961.  # if auxiliary
    """

    def __init__(self, dim, experts):
        super().__init__()
        self.views = GateViews(dim)  # if by_content
        self.gate = nn.Linear(dim // 2, experts)  # if by_content
        self.gate = nn.Linear(dim, experts)  # if not by_content
        self.register_buffer("balance", torch.zeros(experts))
        load = torch.zeros(experts, dtype=torch.float64)  # if auxiliary
        self.register_buffer("load", load)  # if auxiliary
        self.register_buffer("steps", torch.tensor(0))  # if steps
        usage = torch.zeros(experts, dtype=torch.float64)  # if average
        self.register_buffer("usage", usage)  # if average
        counts = torch.zeros(experts)  # if counts
        self.register_buffer("counts", counts, persistent=False)  # if counts

    def forward(self, rows):
        """(B, C, H, W) -> experts and their weights, both (B, CHOSEN)."""
        seen = self.views(rows)  # if by_content
        seen = rows.mean((2, 3))  # if not by_content
        raw = logits = self.gate(seen)  # if aux_loss
        logits = self.gate(seen)  # if not aux_loss
        logits = logits.clamp(-CLAMP, CLAMP)  # if clamp
        logits = logits / TEMPERATURE  # if temperature
        score = logits.detach()
        if self.training:  # if noise
            score = score + NOISE * torch.randn_like(score)
        score = score.softmax(1)  # if by_share
        expert = (score + self.balance).topk(CHOSEN).indices
        weight = logits.gather(1, expert).softmax(1)
        if self.training:  # if counts
            chosen = expert.flatten().bincount(minlength=len(self.counts))
            self.counts += chosen
        if self.training:  # if aux_loss
            self.aux_loss = self.auxiliary_loss(raw, logits, expert)
        return expert, weight

    def auxiliary_loss(self, raw, logits, expert):  # if aux_loss
        """To be added to the loss of the task."""
        loss = 0.0
        experts = logits.shape[1]  # if auxiliary
        share = logits.softmax(1).mean(0)  # if auxiliary
        counts = expert.flatten().bincount(minlength=experts)  # if auxiliary
        counts = counts + self.load  # if auxiliary
        fraction = (counts / counts.sum()).to(share.dtype)  # if auxiliary
        loss = loss + AUXILIARY * experts * (share * fraction).sum()  # if auxiliary
        loss = loss + Z_LOSS * raw.logsumexp(1).square().mean()  # if z_loss
        log_p = logits.log_softmax(1)  # if entropy
        entropy = -(log_p.exp() * log_p).sum(1).mean()  # if entropy
        most = math.log(logits.shape[1])  # if entropy
        loss = loss + ENTROPY * (most - entropy)  # if entropy
        return loss

    def after_step(self):  # if counts
        """Adapts to the choices since the last step of the optimizer."""
        self.load.copy_(self.counts)  # if auxiliary
        self.steps += 1  # if steps
        load = self.counts  # if balances and not average
        self.usage.lerp_(self.counts.to(self.usage), 1 - AVERAGE)  # if balances and average
        load = self.usage.float()  # if balances and average
        lack = load.sum() - load * len(load)  # if balances
        move = lack.sign()  # if sign and not average
        move = (lack * 1e6).clamp(-1, 1)  # if sign and average
        move = lack / load.sum().clamp(min=1e-9)  # if proportional
        self.balance *= 1 - LEAK  # if balances and leak
        self.balance += RATE * move  # if balances
        self.balance.clamp_(-LIMIT, LIMIT)  # if balances and limit
        self.counts.zero_()


def to_tiles(x, tile):
    """Cuts maps into windows: (B, C, H, W) -> (B h w, C, tile, tile)."""
    x = F.pad(x, (0, -x.shape[3] % tile, 0, -x.shape[2] % tile))
    x = x.unflatten(3, (-1, tile)).unflatten(2, (-1, tile))
    return x.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)


def from_tiles(rows, shape):
    """Joins windows to maps of a shape, and drops what lies beyond."""
    tile = rows.shape[-1]
    down, across = -(-shape[2] // tile), -(-shape[3] // tile)
    x = rows.unflatten(0, (shape[0], down, across))
    x = x.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)
    return x[..., : shape[2], : shape[3]]


class Mixture(nn.Module):
    """Sends each row to some of the experts, and adds their results.

    A row is an image.  # if not tile
    A row is a window of a map.  # if tile
    Shazeer et al. 2017, arXiv:1701.06538.
    """

    def __init__(self, dim, experts):
        super().__init__()
        self.router = Router(dim, len(experts))
        self.experts = nn.ModuleList(expert(dim) for expert in experts)

    def forward(self, x):
        rows = to_tiles(x, min(TILE, max(x.shape[2:])))  # if tile
        rows = x  # if not tile
        expert, weight = self.router(rows)
        mixed = torch.zeros_like(rows)
        for e, module in enumerate(self.experts):
            row, place = torch.where(expert == e)
            if len(row) > 0:
                share = weight[row, place, None, None, None]
                result = share * module(rows[row])
                mixed = mixed.index_add(0, row, result.to(mixed.dtype))
        return x + mixed  # if not tile
        return x + from_tiles(mixed, x.shape)  # if tile
