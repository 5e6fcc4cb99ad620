// Experiments and Rollouts in words and tones: what codes of the API mean to people.

import { count, duration } from './words.js'

const BUILT_IN = {
  errors: { of: 'errors', kind: 'ratio' },
  fallbacks: { of: 'fallbacks', kind: 'ratio' },
  'cache-hits': { of: 'cache-hits', kind: 'ratio' },
  tokens: { of: 'tokens', kind: 'ratio' },
  cost: { of: 'cost', kind: 'ratio' },
  'latency-p50': { of: 'latency', kind: 'quantile' },
  'latency-p95': { of: 'latency', kind: 'quantile' },
  'first-token-p95': { of: 'first-token', kind: 'quantile' },
}
export const BUILT_IN_NAMES = Object.keys(BUILT_IN)

/** What a document says of a metric. */
export const metricOf = (spec, name) => (spec.metrics ?? []).find(each => each.name === name) ?? BUILT_IN[name] ?? {}

/** The difference that a comparison is held against, above 0, in the metric's unit; null where there is none. */
export function marginOf(spec, { metric, role, control }) {
  const said = role === 'guardrail'
    ? (spec.guardrails ?? []).find(each => each.metric === metric)?.margin
    : metricOf(spec, metric).minimumEffect
  if (!said) return null
  return said.absolute ?? (control === null ? null : said.relative * Math.abs(control))
}

/** 1 where more is worse. */
export const harm = goal => (goal === 'decrease' ? 1 : -1)

export const STATES = { draft: ['draft', 'still'], running: ['running', 'busy'], stopped: ['stopped', 'still'] }

/** Code -> heading and tone. */
export const VERDICTS = {
  winner: ['There is a winner', 'good'],
  'no-difference': ['No difference that matters', 'good'],
  'guardrail-broken': ['A guardrail is broken', 'bad'],
  mismatch: ['Do not believe the numbers', 'bad'],
  'keep-going': ['Not decided yet', 'busy'],
  'cannot-say': ['Nothing can be said yet', 'still'],
}

export const STANDINGS = {
  better: ['better', 'good'],
  worse: ['worse', 'bad'],
  same: ['within the margin', 'good'],
  'not-worse': ['holds', 'good'],
  open: ['open', 'still'],
  holds: ['holds', 'good'],
  broken: ['broken', 'bad'],
}

export const PHASES = {
  pending: ['waiting', 'still'],
  progressing: ['progressing', 'busy'],
  analysing: ['analysing', 'busy'],
  paused: ['paused', 'warn'],
  mirroring: ['mirroring', 'busy'],
  promoted: ['promoted', 'good'],
  'rolled-back': ['rolled back', 'bad'],
  aborted: ['aborted', 'bad'],
  failed: ['failed', 'bad'],
}
export const OVER = ['promoted', 'rolled-back', 'aborted', 'failed']

/** A step as one would say it. */
export function stepWords(step) {
  if (step.setWeight !== undefined && step.setWeight !== null) return `${step.setWeight}%`
  if (step.analysis) return `analyse ${duration(step.analysis.minutes * 60)}`
  if (step.mirror) return `mirror ${duration(step.mirror.minutes * 60)}`
  return step.pause?.minutes ? `pause ${duration(step.pause.minutes * 60)}` : 'pause'
}

/** What people see of an arm's share. */
export const shareWords = (weight, whole) => `${whole ? Number(((100 * weight) / whole).toPrecision(3)) : 0}%`

export const unitsWords = units => `${count(units)} ${units === 1 ? 'unit' : 'units'}`

/** Arm -> the class of its colour: grey the control, then one each. */
export const tones = arms => Object.fromEntries(arms.map((arm, index) => [arm, index ? `arm-${((index - 1) % 6) + 1}` : 'arm-0']))
