// Fields: labelled controls, each of which shows and changes one place of a document.

import { el } from '../dom.js'
import { get, set } from './place.js'

const id = place => `at-${place.replace(/[^A-Za-z0-9]+/g, '-')}`
export { id as idOf }

/** A number where one is written, else the text as it is: the dry run says what is wrong with it. */
function numberOf(text) {
  const said = text.trim().replace(',', '.')
  return said !== '' && Number.isFinite(Number(said)) ? Number(said) : said || undefined
}

const words = text => {
  const found = text.split(',').map(each => each.trim()).filter(Boolean)
  return found.length ? found : undefined
}

const KINDS = {
  text: { write: value => String(value), read: text => text.trim() || undefined },
  number: { write: value => String(value), read: numberOf },
  percent: { write: value => (typeof value === 'number' ? String(Number((value * 100).toPrecision(12))) : String(value)), read: text => hundredth(numberOf(text)) },
  list: { write: value => (Array.isArray(value) ? value.join(', ') : String(value)), read: words },
  groups: { write: writeGroups, read: readGroups },
}

const hundredth = value => (typeof value === 'number' ? Number((value / 100).toPrecision(12)) : value)

/** `{country: [de, at]}` as lines: `country: de, at`. */
function writeGroups(value) {
  return Object.entries(value).map(([name, each]) => `${name}: ${Array.isArray(each) ? each.join(', ') : each}`).join('\n')
}

function readGroups(text) {
  const lines = text.split('\n').map(line => /^\s*([^:]*?)\s*(?::(.*))?$/.exec(line)).filter(found => found[1])
  return lines.length ? Object.fromEntries(lines.map(([, name, said]) => [name, words(said ?? '') ?? []])) : undefined
}

/** Controls over a document. `changed(structural)` is called after each change. */
export function fields(document, changed) {
  const at = place => get(document, place)
  const put = (place, value, structural = false) => {
    set(document, place, value)
    changed(structural)
  }

  function framed(place, label, hint, control, more = {}) {
    const key = id(place)
    const described = [hint && `${key}-hint`, `${key}-error`].filter(Boolean).join(' ')
    control.id = key
    control.setAttribute('aria-describedby', described)
    return el('div', { class: `field ${more.class ?? ''}`, 'data-place': place },
      el('label', { for: key }, label), control,
      hint && el('p', { class: 'hint', id: `${key}-hint` }, hint),
      el('p', { class: 'wrong', id: `${key}-error`, hidden: true }))
  }

  /** A line, or several with kind `groups`. */
  function input(place, label, { kind = 'text', hint, options, usual, locked, required, size } = {}) {
    const { write, read } = KINDS[kind]
    const value = at(place)
    const lines = kind === 'groups'
    const control = el(lines ? 'textarea' : 'input', {
      rows: lines ? 3 : null, autocomplete: 'off', spellcheck: 'false', readonly: locked, placeholder: usual, 'aria-required': required ? 'true' : null,
      inputmode: ['number', 'percent'].includes(kind) ? 'decimal' : null, list: options ? `${id(place)}-options` : null,
      oninput: () => put(place, read(control.value)),
    })
    control.value = value === undefined || value === null ? '' : write(value)
    return [
      framed(place, label, hint, control, { class: size }),
      options && el('datalist', { id: `${id(place)}-options` }, options.map(each => el('option', { value: each }))),
    ]
  }

  /** One of several: [[value, words] …]. Others may depend on it: the form is built anew. */
  function choice(place, label, options, { hint, size, initial = options[0][0], act } = {}) {
    const value = act ? initial : at(place) ?? initial
    const known = options.some(([each]) => each === value) ? options : [...options, [value ?? '', value === null ? 'choose' : String(value)]]
    const control = el('select', { onchange: () => (act ? act(control.value) : put(place, control.value === initial ? undefined : control.value, true)) },
      known.map(([each, said]) => el('option', { value: each, selected: each === (value ?? '') }, said)))
    return framed(place, label, hint, control, { class: size })
  }

  /** Yes, or not said. */
  function flag(place, label, hint) {
    const control = el('input', { type: 'checkbox', onchange: () => put(place, control.checked || undefined) })
    control.checked = at(place) === true
    return framed(place, label, hint, control, { class: 'flag' })
  }

  return { at, put, input, choice, flag, framed, document, changed }
}

/** Fields that belong together, under a name. */
export const group = (name, place, ...children) => el('fieldset', { 'data-place': place }, el('legend', {}, name), ...children)
export const row = (...children) => el('div', { class: 'row' }, ...children)
