// Who looks: whoever sits at the machine needs no token; everybody else is asked for one.

import { ask, hasToken, show } from './api.js'
import { el } from './dom.js'

/** Say in the frame who the control plane takes us for; `changed` is called when that is somebody else. */
export async function person(changed) {
  const place = document.getElementById('person')
  const who = await ask('/v1/whoami').catch(() => null)
  const forget = el('button', { class: 'plain', onclick: () => { show(''); changed() } }, 'Forget the token')
  const roles = who?.bindings.map(each => `${each.role}@${each.namespace ?? '*'}`).join(', ')
  place.replaceChildren(
    el('span', { title: roles }, who ? (hasToken() ? who.name : 'at this machine') : 'nobody yet'),
    ...(hasToken() ? [forget] : []),
  )
}

/** Ask for a token, once at a time, over whatever is on the page; what is typed there stays. */
export function tokenNeeded(problem, found) {
  const why = hasToken() ? `That token is not taken: ${problem.message}` : problem.message
  document.getElementById('token')?.remove()
  const input = el('input', { id: 'token-text', type: 'password', autocomplete: 'off', required: true, spellcheck: 'false', 'aria-describedby': 'token-why' })
  const dialog = el('dialog', { id: 'token', 'aria-labelledby': 'token-title' },
    el('form', {
      method: 'dialog',
      onsubmit: () => {
        show(input.value.trim())
        dialog.remove()
        found()
      },
    },
      el('h2', { id: 'token-title' }, 'Who are you?'),
      el('p', { id: 'token-why', role: 'alert' }, why),
      el('label', { for: 'token-text' }, 'Token'),
      input,
      el('p', { class: 'quiet' }, 'It stays in this tab and is forgotten when the tab is closed.'),
      el('div', { class: 'buttons' }, el('button', { class: 'main' }, 'Go on')),
    ),
  )
  document.body.append(dialog)
  dialog.showModal()
  input.focus()
}
