r"""The e-value of one read: how much likelier the counts are under a guess than on a line of equal harm.

A read has n_c requests with e_c bad ones on the canary and n_s with e_s on stable, e_c ~ Bin(n_c, p_c) and
e_s ~ Bin(n_s, p_s), independent given the past. The hypothesis is one side of the line p_c = ρ·p_s + δ. With
guesses θ_c, θ_s made before the read, let (c, c') be the point of the line, c = ρ·c' + δ, that solves

    n_c ρ (θ_c − c) / (c (1−c))  +  n_s (θ_s − c') / (c' (1−c'))  =  0                        (1)

    f = (θ_c/c)^e_c ((1−θ_c)/(1−c))^(n_c−e_c) · (θ_s/c')^e_s ((1−θ_s)/(1−c'))^(n_s−e_s)

**E f ≤ 1** when p_c ≤ ρ p_s + δ and θ_c lies above the line, and when p_c ≥ ρ p_s + δ and θ_c lies below it;
for every ρ, δ, allocation and size of the read.

Proof. A canary request multiplies f by 1 + a(x−c) with a = (θ_c−c)/(c(1−c)), a stable one by 1 − b(y−c') with
b = (c'−θ_s)/(c'(1−c')). By independence, and by Jensen where the rate changes within the read, E f ≤ exp h,
h = n_c ln(1 + a(p̄_c−c)) + n_s ln(1 − b(p̄_s−c')). On the line h is concave in p̄_s, and (1) reads
n_c ρ a = n_s b: h is stationary at p̄_s = c', where it is 0. So h ≤ 0 on the line. Off the line, on the side
away from θ_c, the canary's term is smaller still: it grows with p̄_c when a > 0 (θ_c above), else it falls. ∎

Point (1) is where n_c KL(θ_c‖c) + n_s KL(θ_s‖c') is least: the reverse information projection. For δ = 0,
ρ = 1 this is the e-variable of Turner, Ly and Grünwald, "Generic E-variables for exact sequential k-sample
tests that allow for optional stopping" (arXiv 2106.02693); the margins extend it.
"""

import math

_TOLERANCE = 1e-5
"""Relative step at which Newton's method stops: its square is left, and the square of that in ln f."""
_ROUNDS = 60
"""More than bisection alone needs for _TOLERANCE."""


def log_factor(
    n_c: float,
    e_c: float,
    n_s: float,
    e_s: float,
    theta_c: float,
    theta_s: float,
    rho: float,
    delta: float,
) -> float:
    """Return ln f of one read; 0.0, which is no evidence, when a member served nothing.

    θ_c and θ_s in (0, 1), ρ ≥ 0, 0 ≤ δ < 1 and not both 0. Counts must have passed `counts.find_problem`. An
    e-value only for the hypothesis that θ_c is not on the side of; the processes see to that.
    """
    if n_c <= 0 or n_s <= 0:
        return 0.0
    if rho == 1.0 and delta == 0.0:
        c = nearest = (n_c * theta_c + n_s * theta_s) / (n_c + n_s)
    else:
        nearest = null_point(n_c, n_s, theta_c, theta_s, rho, delta)
        c = rho * nearest + delta
    return _log_ratio(n_c, e_c, theta_c, c) + _log_ratio(n_s, e_s, theta_s, nearest)


def _log_ratio(n: float, e: float, theta: float, c: float) -> float:
    """Log-likelihood of e in n at θ less that at c; log1p keeps the many good requests exact."""
    return e * math.log(theta / c) + (n - e) * math.log1p((c - theta) / (1.0 - c))


def null_point(n_c: float, n_s: float, theta_c: float, theta_s: float, rho: float, delta: float) -> float:
    """Solve (1) for c', by Newton's method kept inside a bracket.

    The left side falls with c'. Its first term changes sign where the line passes θ_c, its second at θ_s, so
    the solution is between the two. Multiplied by c(1−c)c'(1−c') it is the cubic that is iterated.
    """
    if rho == 0.0:
        return theta_s
    meets = (theta_c - delta) / rho
    low, high = max(min(meets, theta_s), 0.0), min(max(meets, theta_s), (1.0 - delta) / rho, 1.0)
    x = (n_c * (theta_c - delta) + n_s * theta_s) / (n_c * rho + n_s)
    for _ in range(_ROUNDS):
        if not low < x < high:
            x = 0.5 * (low + high)
        c = rho * x + delta
        room_c, room_s = c * (1.0 - c), x * (1.0 - x)
        pull_c, pull_s = n_c * rho * (theta_c - c), n_s * (theta_s - x)
        value = pull_c * room_s + pull_s * room_c
        if value > 0.0:
            low = x
        else:
            high = x
        bend = pull_c * (1.0 - 2.0 * x) + pull_s * rho * (1.0 - 2.0 * c)
        slope = bend - n_c * rho * rho * room_s - n_s * room_c
        step = value / slope if slope else 0.0
        x -= step
        if abs(step) <= _TOLERANCE * x and low <= x <= high:
            break
    return min(max(x, low), high)
