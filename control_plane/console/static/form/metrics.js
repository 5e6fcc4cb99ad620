// What is measured, and what must not get worse.

import { el } from '../dom.js'
import { group, row } from './fields.js'
import { items } from './lists.js'

const MEASURED = [
  ['outcome', 'an outcome that callers report'], ['latency', 'latency'], ['first-token', 'time to the first token'], ['tokens', 'tokens'],
  ['cost', 'cost'], ['errors', 'errors'], ['fallbacks', 'fallbacks'], ['cache-hits', 'cache hits'],
  ['judge', 'marks that a judge Model gives'],
]
const KINDS = [['proportion', 'share of units with any'], ['mean', 'mean of units'], ['ratio', 'for each request'], ['quantile', 'quantile of requests']]
const MARKED = [['mean', 'mean of the marks']]
const GOALS = [['increase', 'more'], ['decrease', 'less']]

export function metrics(form, known) {
  return group('Metrics', 'spec.metrics', items(form, {
    place: 'spec.metrics', name: 'a metric', first: 'name',
    fresh: index => ({ name: '', kind: 'proportion', of: 'outcome', outcome: '', goal: 'increase', ...(index ? {} : { primary: true }) }),
    title: (index, metric) => `Metric ${metric?.name || index + 1}`,
    made: place => metric(form, place, known),
  }))
}

function metric(form, place, known) {
  const of = form.at(`${place}.of`)
  const kind = form.at(`${place}.kind`)
  const required = (name, label, options) => form.choice(`${place}.${name}`, label, options, {
    initial: form.at(`${place}.${name}`) ?? null, act: value => pick(form, place, name, value) })
  return [
    row(
      form.input(`${place}.name`, 'Name', { required: true }),
      required('of', 'Of', MEASURED),
      of === 'outcome' && form.input(`${place}.outcome`, 'Outcome', { required: true, hint: 'As POST /v1/feedback names it: click, resolved' })),
    of === 'judge' && judge(form, `${place}.judge`, known),
    row(
      required('kind', 'What is made of it', of === 'judge' ? MARKED : KINDS),
      kind === 'quantile' && form.input(`${place}.quantile`, 'Quantile, in %', { kind: 'percent', size: 'small' }),
      required('goal', 'Better is', GOALS)),
    row(margin(form, `${place}.minimumEffect`, 'Smallest difference that matters', true)),
    form.flag(`${place}.primary`, 'It decides', 'Primary: the error rate is shared by all that do'),
  ]
}

function judge(form, place, known) {
  return row(
    form.input(`${place}.model`, 'Judge Model', { options: known.models, required: true, hint: 'One that answers in no arm, or in all' }),
    form.input(`${place}.rubric`, 'Rubric', { usual: 'correct, helpful, honest', hint: 'What a good answer is' }),
    form.input(`${place}.percent`, 'Of the answers, in %', { kind: 'number', size: 'small', usual: '10' }))
}

/** What follows from another choice: fields that only one of them has come and go with it. */
function pick(form, place, name, value) {
  const { outcome, quantile, judge, ...rest } = form.at(place)
  const next = { ...rest, [name]: value }
  form.put(place, {
    ...next,
    ...(next.of === 'outcome' ? { outcome: outcome ?? '' } : {}),
    ...(next.of === 'judge' ? { kind: 'mean', judge: judge ?? { model: '' } } : {}),
    ...(next.of !== 'judge' && next.kind === 'quantile' ? { quantile: quantile ?? 0.95 } : {}),
  }, true)
}

function margin(form, place, label, optional) {
  const said = form.at(place) ?? {}
  const kind = said.absolute !== undefined ? 'absolute' : said.relative !== undefined ? 'relative' : optional ? 'none' : 'relative'
  const choose = picked => form.put(place, picked === 'none' ? undefined : { [picked]: said.absolute ?? said.relative ?? 0.05 }, true)
  const options = [...(optional ? [['none', 'not said']] : []), ['relative', "in % of the control's value"], ['absolute', "in the metric's own unit"]]
  return [
    form.choice(place, label, options, { initial: kind, act: choose }),
    kind === 'relative' && form.input(`${place}.relative`, 'So much, in %', { kind: 'percent', size: 'small' }),
    kind === 'absolute' && form.input(`${place}.absolute`, 'So much', { kind: 'number', size: 'small', hint: '0.02 is two points of a share' }),
  ]
}

export function guardrails(form, names) {
  return group('Guardrails', 'spec.guardrails',
    el('p', { class: 'hint' }, 'Metrics that no arm may be worse in than the control, by more than a margin.'),
    items(form, {
      place: 'spec.guardrails', name: 'a guardrail', first: 'metric',
      fresh: () => ({ metric: 'errors', margin: { relative: 0.1 } }),
      title: (index, guardrail) => `Guardrail ${guardrail?.metric || index + 1}`,
      made: place => [
        row(
          form.input(`${place}.metric`, 'Metric', { options: names, required: true }),
          margin(form, `${place}.margin`, 'May get worse', false)),
      ],
    }))
}
