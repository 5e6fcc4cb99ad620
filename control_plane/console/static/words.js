// Numbers, times and documents as people say them.

const MINUS = '−'

/** `2 days`, as one would say it. */
export function duration(seconds) {
  for (const [unit, size] of [['days', 86400], ['hours', 3600], ['minutes', 60]]) {
    if (seconds >= 2 * size) return `${Math.round(seconds / size)} ${unit}`
  }
  return `${Math.round(seconds)} seconds`
}

/** `3 hours ago`, and the moment itself for whoever wants it. */
export const ago = at => `${duration(Math.max(0, (Date.now() - Date.parse(at)) / 1000))} ago`
export const moment = at => new Date(at).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' })

/** `12,345`. */
export const count = number => Math.round(number).toLocaleString('en')

/** With so many figures, and no zeros behind. */
export function figures(number, digits = 3) {
  if (number === null || !Number.isFinite(number)) return '?'
  const size = Math.abs(number)
  const text = size !== 0 && (size < 1e-4 || size >= 1e7) ? number.toExponential(digits - 1) : String(Number(number.toPrecision(digits)))
  return text.replace('-', MINUS)
}

export const signed = (number, digits) => (number > 0 ? '+' : '') + figures(number, digits)

const SHARES = ['errors', 'fallbacks', 'cache-hits']

/** How a metric's values are written: a factor and what stands behind, of values and of differences. */
export function unitOf(metric) {
  if (metric.kind === 'proportion' || (SHARES.includes(metric.of) && metric.kind === 'ratio')) {
    return { factor: 100, value: '%', change: ' points' }
  }
  if (metric.of === 'latency' || metric.of === 'first-token') return { factor: 1000, value: ' ms', change: ' ms' }
  if (metric.of === 'cost') return { factor: 1, value: ' $', change: ' $' }
  return { factor: 1, value: '', change: '' }
}

export const value = (number, unit) => (number === null ? '?' : figures(number * unit.factor) + unit.value)
export const change = (number, unit) => (number === null ? '?' : signed(number * unit.factor) + unit.change)

/** `+0.4 to +2.1 points`; an end that is not known yet is open. */
export function interval(low, high, unit) {
  if (low === null && high === null) return 'no interval yet'
  const end = number => (number === null ? 'open' : signed(number * unit.factor))
  return `${end(low)} to ${end(high)}${unit.change}`
}

/** A remark as a sentence. */
export const sentence = text => (text ? text[0].toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.') : '')

/** What requests are told apart by. */
export function unitWords(unit = { header: 'x-tiermesh-unit' }) {
  if (unit.header) return `header ${unit.header}`
  if (unit.field) return `field ${unit.field}`
  return unit.tenant ? 'Tenant' : 'request'
}

/** What an arm does otherwise, a line each. */
export function overrideWords(override = {}) {
  const said = []
  const { prompt, tiers, sampling, complexity, cache } = override
  if (prompt) said.push(`prompt ${prompt.name}${prompt.alias ? `@${prompt.alias}` : ''}${prompt.version ? ` version ${prompt.version}` : ''}`)
  for (const tier of ['light', 'heavy']) if (tiers?.[tier]?.length) said.push(`${tier}: ${tiers[tier].join(', ')}`)
  for (const [name, each] of Object.entries(sampling ?? {})) said.push(`${name} ${each}`)
  if (complexity) said.push(`heavy from a complexity of ${complexity.threshold ?? 0.7}`)
  if (cache?.exact) said.push(cache.exact.enabled === false ? 'no exact cache' : `exact cache ${cache.exact.ttlSeconds ?? 300} s`)
  return said
}

/** When a Route's requests go to its heavy tier. */
export function chosenWords({ tiers, complexity = {} }) {
  if (!tiers.light?.length || !tiers.heavy?.length) return 'one tier answers all'
  const { router, threshold, contract } = complexity
  if (!router) return `heavy from a complexity of ${threshold ?? 0.7}`
  const from = contract ? 'a gain that its contract chooses' : `a gain of ${figures(threshold)}`
  return `heavy from ${from}, by router ${router}`
}
