// Documents as YAML: mappings, lists, texts, numbers and flags, a value a line.

const PLAIN = /^[A-Za-z_\/][A-Za-z0-9_.,;\/@+()-]*( [A-Za-z0-9_.\/@+(-][A-Za-z0-9_.,;\/@+()-]*)*$/
const WORDS = /^(y|n|yes|no|on|off|true|false|null)$/i // which YAML 1.1 takes for something else
// What JSON leaves as it is, and YAML does not take: control characters, and what it reads as an end of a line.
const UNWRITABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g

/** The document's text. */
export const write = value => (leaf(value) ? `${scalar(value)}\n` : lines(value, '').join('\n') + '\n')

function lines(value, indent) {
  if (Array.isArray(value)) return value.flatMap(each => item(each, indent))
  return Object.entries(value).filter(([, each]) => each !== undefined).flatMap(([key, each]) => entry(key, each, indent))
}

function entry(key, value, indent) {
  const name = `${indent}${text(key)}:`
  if (typeof value === 'string' && block(value)) return blockLines(name, value, indent)
  if (leaf(value)) return [`${name} ${scalar(value)}`]
  return [name, ...lines(value, `${indent}  `)]
}

function item(value, indent) {
  if (leaf(value)) return [`${indent}- ${scalar(value)}`]
  const [first, ...rest] = lines(value, `${indent}  `)
  return [`${indent}- ${first.slice(indent.length + 2)}`, ...rest]
}

const leaf = value => value === null || typeof value !== 'object' || (Array.isArray(value) ? !value.length : !Object.values(value).some(each => each !== undefined))

function scalar(value) {
  if (typeof value === 'string') return text(value)
  if (typeof value === 'number') return number(value)
  if (value === null || typeof value !== 'object') return String(value)
  return Array.isArray(value) ? '[]' : '{}'
}

/** An exponent needs a point before it, or YAML 1.1 reads a text. */
function number(value) {
  const written = String(value)
  return /^-?\d+e/.test(written) ? written.replace('e', '.0e') : written
}

function text(value) {
  if (PLAIN.test(value) && !WORDS.test(value)) return value
  return JSON.stringify(value).replace(UNWRITABLE, each => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Texts of several lines that a block can hold as they are. */
const block = value => /\n/.test(value) && /^[^\s]/.test(value) && /[^\n]\n?$/.test(value) &&
  !/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]/.test(value)

function blockLines(name, value, indent) {
  const ends = value.endsWith('\n')
  const body = (ends ? value.slice(0, -1) : value).split('\n')
  return [`${name} |${ends ? '' : '-'}`, ...body.map(line => (line ? `${indent}  ${line}` : ''))]
}
