"""MSP5xx: metrics, and what a rollout needs to judge them."""

from textwrap import dedent

from meshsplit.diagnostics.rule import Rule, Severity

ANALYSIS = (
    Rule(
        "MSP501",
        Severity.ERROR,
        "a metric has neither tolerance nor limit",
        why="A metric decides something only when it says how much worse than the stable member is harm "
        "(tolerance), or which value is too much in any case (limit).",
        does="Reports it. A rollout that is to be judged by it waits: nothing is no evidence.",
        fix="Add tolerance, limit, or both.",
        example=dedent("""\
            metrics:
            - name: refusals
              good: 'sum by (member) (model_answers_total)'
              bad: 'sum by (member) (model_refusals_total)'
              limit: "0.05"
            """),
    ),
    Rule(
        "MSP502",
        Severity.ERROR,
        "a query cannot tell members apart",
        why="The canary is compared with the stable member that serves at the same time. A query without a "
        "member label, or one that matches both, compares a member with itself.",
        does="Reports an aggregation that drops the label member. Whether every series has the label shows "
        "when it is read.",
        fix="Aggregate by a label called member whose values are the members' names.",
        example=dedent("""\
            good: 'sum by (member) (model_answers_total{split="{{ split }}"})'
            """),
    ),
    Rule(
        "MSP503",
        Severity.WARNING,
        "a step needs long to judge at the declared traffic",
        why="A small step of little traffic yields few requests, and a verdict with a stated error "
        "probability needs a number of them, not an amount of time.",
        does="`plan` says how long the verdict takes, and which change would let it fit. Nothing is refused: "
        "without a verdict by the deadline the rollout is inconclusive.",
        fix="Widen the margin, end at a larger weight, or allow more time; `plan` says how much of each.",
        example=dedent("""\
            analysis:
              deadline: 3h
              metrics:
              - name: error-rate
                margin: {ratio: "2", add: "0.002"}
            """),
    ),
    Rule(
        "MSP504",
        Severity.WARNING,
        "onInconclusive: Advance promotes without evidence",
        why="When the deadline passes without a verdict, Advance moves on all the same. A canary that "
        "hardly gets any traffic is then promoted because nobody looked.",
        does="Accepts the setting: at the deadline a canary that has shown nothing either way moves on.",
        fix="Use Hold (the default) or Rollback, or silence the warning where the risk is understood.",
        example=dedent("""\
            analysis:
              onInconclusive: Hold
            """),
    ),
    Rule(
        "MSP505",
        Severity.ERROR,
        "a counter query uses rate() or increase()",
        why="The test counts requests. rate() and increase() extrapolate to the edges of their window and "
        "return fractions that are not counts, so the stated error probability would not hold.",
        does="Reports it. A rollout that is to be judged by it waits: nothing is no evidence.",
        fix="Give the raw counter; resets are recognised.",
        example=dedent("""\
            bad: 'sum by (member) (rate(model_refusals_total[1m]))'   # wrong
            bad: 'sum by (member) (model_refusals_total)'             # right
            """),
    ),
    Rule(
        "MSP506",
        Severity.ERROR,
        "nothing counts a metric",
        why="error-rate and latency are known for every kind of backend. Any other metric is counted by the "
        "two queries good and bad, both of them, which only a Prometheus can answer.",
        does="Reports it. A rollout that is to be judged by it waits: nothing is no evidence.",
        fix="Give good and bad and the source prometheus, or use a built-in metric.",
        example=dedent("""\
            - name: refusals
              good: 'sum by (member) (model_answers_total)'
              bad: 'sum by (member) (model_refusals_total)'
              limit: "0.05"
            """),
    ),
    Rule(
        "MSP507",
        Severity.ERROR,
        "a window of the rollout never opens",
        why="Steps move only while a window is open. A schedule, time zone or duration that cannot be read "
        "names no time, so a rollout would wait for ever.",
        does="Keeps the window closed: no step moves unless another window is open. A breach still rolls "
        "back, and a person may still promote.",
        fix="Write five cron fields (minute, hour, day, month, weekday), an IANA time zone, and a duration.",
        example=dedent("""\
            windows:
            - {schedule: 0 9 * * 1-5, duration: 8h, timeZone: Europe/Zurich}
            """),
    ),
)
