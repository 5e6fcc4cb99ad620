// Lists in a form: items that can be added and taken away, by keyboard as well.

import { el } from '../dom.js'
import { idOf } from './fields.js'
import { drop, listAt } from './place.js'

/** `made(place, index)` gives an item's fields; `fresh()` a new one, of which `first` is where typing goes on. */
export function items(form, { place, name, least = 0, first, fresh, made, title }) {
  const found = listAt(form.document, place)
  const add = el('button', { type: 'button', id: `${idOf(place)}-add`, onclick: () => {
    form.put(`${place}[${found.length}]`, fresh(found.length), true)
    document.getElementById(idOf(`${place}[${found.length}].${first}`))?.focus()
  } }, `Add ${name}`)
  return [
    ...found.map((_, index) => {
      const here = `${place}[${index}]`
      const what = title(index, found[index])
      const remove = () => {
        drop(form.document, place, index)
        form.changed(true)
        document.getElementById(`${idOf(place)}-add`)?.focus()
      }
      return el('fieldset', { class: 'item', 'data-place': here },
        el('legend', {}, what),
        made(here, index),
        found.length > least && el('button', { type: 'button', class: 'plain remove', onclick: remove, 'aria-label': `Remove ${what}` }, 'Remove'))
    }),
    add,
  ]
}
