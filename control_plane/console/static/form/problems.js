// What is wrong with a document, shown at the fields where it is wrong.

import { el } from '../dom.js'
import { idOf } from './fields.js'

/** The API's errors with places as the form has them. */
export function placed(errors, { metadata = {} }) {
  const { name, namespace } = metadata
  const own = `Experiment/${namespace && namespace !== 'default' ? `${namespace}/` : ''}${name}.`
  const all = errors.map(({ field, message }) => {
    const place = field.replace(/^documents\[0\]\.?/, '')
    return { place: place.startsWith(own) ? place.slice(own.length) : place, message }
  })
  // A list that is too short because an item is wrong says nothing new.
  return all.filter(({ place, message }) => !/ after validation, not /.test(message) || !all.some(each => each.place.startsWith(`${place}[`)))
}

/** Show each error at its field, or at the nearest that holds it; those of places that are not `touched` wait. */
export function show(form, errors, touched) {
  const frames = [...form.querySelectorAll('.field')]
  for (const frame of frames) tell(frame, [])
  const found = new Map()
  for (const error of errors) {
    const frame = frameOf(form, error)
    if (frame && touched(frame.dataset.place)) found.set(frame, [...(found.get(frame) ?? []), error.message])
  }
  for (const [frame, messages] of found) tell(frame, messages)
}

function tell(frame, messages) {
  const control = frame.querySelector('input, select, textarea')
  const wrong = frame.querySelector('.wrong')
  wrong.textContent = messages.join('; ')
  wrong.hidden = !messages.length
  if (messages.length) control.setAttribute('aria-invalid', 'true')
  else control.removeAttribute('aria-invalid')
}

/** The field of a place, or the first below or above it. A sentence may begin with a place of its own: `forced.x: …`. */
function frameOf(form, { place, message }) {
  const frames = [...form.querySelectorAll('.field')]
  const inner = /^([a-z][\w.[\]-]*): /i.exec(message)
  const places = [...(inner ? [`${place}.${inner[1]}`] : []), place]
  for (const each of places) {
    const exact = frames.find(frame => frame.dataset.place === each)
    const below = frames.find(frame => inside(frame.dataset.place, each))
    const above = frames.filter(frame => inside(each, frame.dataset.place)).at(-1)
    if (exact ?? above ?? (each.split(/[.[]/).length > 1 && below)) return exact ?? above ?? below
  }
  return null
}

const inside = (place, holder) => place.startsWith(`${holder}.`) || place.startsWith(`${holder}[`)

/** All errors as a list of ways to their fields. */
export function summary(form, errors) {
  return el('ul', { class: 'problems' }, errors.map(error => {
    const frame = frameOf(form, error)
    const to = () => {
      for (let holder = frame; holder; holder = holder.parentElement?.closest('details')) if (holder.localName === 'details') holder.open = true
      document.getElementById(idOf(frame.dataset.place)).focus()
    }
    const place = error.place || 'the document'
    return el('li', {}, frame ? el('button', { type: 'button', class: 'plain', onclick: to }, place) : el('b', {}, place), ' ', error.message)
  }))
}
