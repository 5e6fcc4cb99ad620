// An Experiment as a form and as YAML, side by side: each follows the other, and both write the same document.

import { Problem, ask, path as url } from '../api.js'
import { el } from '../dom.js'
import { conflict } from '../form/conflict.js'
import { NEW, experimentForm } from '../form/experiment.js'
import { placed, show, summary } from '../form/problems.js'
import { link } from '../parts.js'
import { write } from '../yaml.js'

const PAUSE = 400 // milliseconds without typing, before the control plane is asked

export const path = /^#\/experiments\/(?:new|(?<namespace>[^/]+)\/(?<name>[^/]+)\/edit)$/
export const title = ({ name }) => (name ? `Change ${name}` : 'New experiment')
export const live = false

export async function load({ namespace, name }, ask) {
  const query = { namespace: namespace || undefined }
  const names = kind => ask(`/v1/${kind}`, { query }).then(({ items }) => items.map(each => each.metadata.name))
  const [routes, models, prompts] = await Promise.all(['routes', 'models', 'prompts'].map(names))
  const document = name ? await ask(url('experiments', name), { query }) : structuredClone(NEW)
  return { document, known: { routes, models, prompts } }
}

export const view = ({ document, known }, context) => new Editor(document, known, context).node

/** The document, and the two ways to write it. */
class Editor {
  constructor(document, known, context) {
    this.known = known
    this.context = context
    this.isNew = !context.params.name
    this.touched = new Set()
    this.turn = 0
    this.form = el('fieldset', { class: 'form bare', 'aria-label': 'Form', oninput: event => this.touch(event), onchange: event => this.touch(event) })
    this.yaml = el('textarea', { id: 'yaml', rows: 26, spellcheck: 'false', autocomplete: 'off', 'aria-describedby': 'yaml-wrong', oninput: () => this.later(() => this.readYaml()) })
    this.wrong = el('p', { class: 'wrong', id: 'yaml-wrong', role: 'alert', hidden: true })
    this.state = el('div', { class: 'state', role: 'status' })
    this.over = el('div')
    this.reason = el('input', { id: 'reason', maxlength: '2000', autocomplete: 'off' })
    this.save = el('button', { class: 'main', type: 'submit' }, 'Save')
    this.take(document)
    this.node = this.page()
    if (!this.isNew) this.check()
  }

  page() {
    const name = this.context.params.name
    return el('form', { novalidate: true, onsubmit: event => { event.preventDefault(); this.write() } },
      el('p', { class: 'trail' }, el('a', { href: '#/experiments' }, 'Experiments')),
      el('div', { class: 'head' }, el('h1', {}, name ? `Change ${name}` : 'New experiment')),
      this.over,
      el('div', { class: 'editor' },
        this.form,
        el('div', { class: 'aside' },
          el('div', { class: 'card' },
            el('label', { for: 'yaml' }, 'The same as YAML'),
            this.yaml, this.wrong),
          el('div', { class: 'card' },
            this.state,
            el('label', { for: 'reason' }, 'Reason, for the record'), this.reason,
            el('div', { class: 'buttons' }, this.save,
              el('a', { class: 'button', href: name ? link('experiments', this.document) : '#/experiments' }, 'Leave it'))))))
  }

  /** Go on from this document; its version is kept apart, as nobody writes it. */
  take(document) {
    this.version = document.metadata?.resourceVersion ?? '0'
    this.document = unversioned(document)
    this.build()
    this.yaml.value = write(this.document)
  }

  build() {
    const focused = globalThis.document.activeElement?.id
    const open = new Set([...this.form.querySelectorAll('details[open]')].map(each => each.dataset.place))
    this.form.replaceChildren(...experimentForm(this.document, this.known, this.isNew, structural => this.changed(structural)))
    for (const each of this.form.querySelectorAll('details')) if (open.has(each.dataset.place)) each.open = true
    if (focused && focused !== globalThis.document.activeElement?.id) globalThis.document.getElementById(focused)?.focus()
  }

  touch({ target }) {
    const place = target.closest('.field')?.dataset.place
    if (place) this.touched.add(place)
  }

  changed(structural) {
    this.context.unsaved(true)
    if (structural) this.build()
    this.yaml.value = write(this.document)
    this.later(() => this.check())
  }

  later(act) {
    clearTimeout(this.waiting)
    this.waiting = setTimeout(act, PAUSE)
  }

  async readYaml() {
    const turn = ++this.turn
    try {
      const { items } = await ask('/v1/documents/read', { method: 'POST', body: { text: this.yaml.value } })
      if (turn !== this.turn) return
      this.refuse(items.length === 1 && typeof items[0] === 'object' ? '' : 'Write one document here: this page is about one Experiment.')
      if (!this.wrong.hidden) return
      this.context.unsaved(true)
      this.document = unversioned(items[0])
      this.everything = true
      this.build()
      this.check()
    } catch (problem) {
      if (turn === this.turn) this.failed(problem, () => this.refuse(problem.words))
    }
  }

  /** While the text cannot be read the form waits: what is typed there would write over it. */
  refuse(why) {
    this.wrong.textContent = why
    this.wrong.hidden = !why
    this.form.disabled = Boolean(why)
    this.save.disabled = Boolean(why)
  }

  async check() {
    const turn = ++this.turn
    const body = { documents: [this.versioned()] }
    try {
      const { changes } = await ask('/v1/documents', { method: 'POST', query: { dryRun: true }, body })
      if (turn === this.turn) this.told([], changes[0].outcome)
    } catch (problem) {
      if (turn === this.turn) this.failed(problem, () => this.told(placed(problem.errors ?? [], this.document), problem))
    }
  }

  told(errors, outcome) {
    this.errors = errors
    show(this.form, errors, place => this.everything || this.touched.has(place))
    const good = { created: 'It can be saved.', changed: 'It can be saved.', unchanged: 'Nothing is changed yet.' }
    const said = outcome instanceof Problem
      ? errors.length && outcome.status === 422 ? `${errors.length === 1 ? 'One thing is' : `${errors.length} things are`} to be corrected:` : outcome.words
      : good[outcome]
    this.state.replaceChildren(el('p', { class: outcome instanceof Problem ? 'wrong' : 'fine' }, said), outcome instanceof Problem && outcome.status === 422 ? summary(this.form, errors) : '')
  }

  async write() {
    this.everything = true
    clearTimeout(this.waiting)
    const { name = '', namespace } = this.document.metadata ?? {}
    if (!name) return this.check().then(() => this.first())
    const query = { namespace, reason: this.reason.value }
    this.save.disabled = true
    try {
      const { changes, snapshot } = await ask(url('experiments', name), { method: 'PUT', query, body: this.versioned() })
      const inForce = snapshot === null ? '' : ` Snapshot ${snapshot} is in force.`
      this.context.unsaved(false)
      this.context.open(link('experiments', this.document), `${name} is saved as version ${changes[0].generation}.${inForce}`)
    } catch (problem) {
      this.turn++
      this.failed(problem, () => this.refused(problem))
    } finally {
      this.save.disabled = false
    }
  }

  refused(problem) {
    if (problem.status === 409 && 'current' in problem && problem.yours) return this.conflict(problem)
    this.told(placed(problem.errors ?? [], this.document), problem)
    this.first()
  }

  conflict(problem) {
    const settle = () => {
      this.over.replaceChildren()
      this.save.focus()
    }
    const theirs = () => { this.take(problem.current); settle(); this.check() }
    const mine = () => { this.version = problem.current?.metadata.resourceVersion ?? '0'; settle(); this.write() }
    this.over.replaceChildren(conflict(problem, { theirs, mine }))
    globalThis.document.getElementById('conflict').focus()
  }

  /** Who is not known is asked for a token, and what is typed stays. */
  failed(problem, otherwise) {
    if (!(problem instanceof Problem)) throw problem
    if (problem.status === 401) this.context.failed(problem)
    else otherwise()
  }

  first() {
    this.form.querySelector('[aria-invalid]')?.focus()
  }

  versioned() {
    return { ...this.document, metadata: { ...this.document.metadata, resourceVersion: this.version } }
  }
}

function unversioned({ metadata, ...rest }) {
  const { resourceVersion: _, ...kept } = metadata ?? {}
  const { apiVersion, kind, ...more } = rest
  return { apiVersion, kind, metadata: kept, ...more }
}
