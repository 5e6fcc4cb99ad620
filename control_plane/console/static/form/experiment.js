// The form of an Experiment: all that most of them say. What it does not show stays in the document as it is.

import { el } from '../dom.js'
import { BUILT_IN_NAMES } from '../trials.js'
import { fields, group, row } from './fields.js'
import { arms } from './arms.js'
import { guardrails, metrics } from './metrics.js'
import { listAt } from './place.js'

export const NEW = {
  apiVersion: 'tiermesh.dev/v1alpha1',
  kind: 'Experiment',
  metadata: { name: '' },
  spec: {
    route: '',
    unit: { header: 'x-tiermesh-unit' },
    arms: [{ name: 'control', weight: 50 }, { name: 'candidate', weight: 50 }],
  },
}

/** `known`: {routes, models, prompts}, names to choose from; `isNew`: whether its name may still be chosen. */
export function experimentForm(document, known, isNew, changed) {
  const form = fields(document, changed)
  const names = [...new Set([...BUILT_IN_NAMES, ...listAt(document, 'spec.metrics').map(each => each?.name).filter(Boolean)])]
  return [
    question(form, known, isNew),
    arms(form, known),
    metrics(form, known),
    guardrails(form, names),
    who(form),
    decision(form),
  ]
}

function question(form, known, isNew) {
  return group('Question', 'metadata',
    row(
      form.input('metadata.name', 'Name', { locked: !isNew, required: true, hint: isNew ? 'Lower case, digits and -' : null }),
      form.input('metadata.namespace', 'Namespace', { locked: !isNew, usual: 'default' }),
      form.input('spec.route', 'Route', { options: known.routes, required: true, hint: 'Whose requests it is about' })),
    unit(form))
}

const UNITS = [['header', 'a header of the request'], ['field', 'a field of its body'], ['tenant', 'the Tenant, by its key'], ['request', 'each request by itself']]

function unit(form) {
  const said = form.at('spec.unit')
  const kind = UNITS.map(([name]) => name).find(name => said?.[name] !== undefined) ?? 'header'
  const initial = { header: 'x-tiermesh-unit', field: 'user', tenant: true, request: true }
  const pick = picked => form.put('spec.unit', { [picked]: initial[picked] }, true)
  return row(
    form.choice('spec.unit', 'Told apart by', UNITS, { initial: kind, act: pick, hint: 'All requests of one unit get the same arm' }),
    kind === 'header' && form.input('spec.unit.header', 'Header', { usual: 'x-tiermesh-unit', hint: 'In lower case' }),
    kind === 'field' && form.input('spec.unit.field', 'Field', { hint: 'Such as user or metadata.session_id' }))
}

function who(form) {
  return el('details', { 'data-place': 'spec.traffic' }, el('summary', {}, 'Who takes part'),
    row(
      form.input('spec.traffic.layer', 'Layer', { usual: 'default', hint: 'Experiments of one layer share its units; those of others are independent' }),
      form.input('spec.traffic.from', 'From, in %', { kind: 'number', size: 'small', usual: '0' }),
      form.input('spec.traffic.percent', 'How much, in %', { kind: 'number', size: 'small', usual: '100' })),
    row(
      form.input('spec.targeting.tenants', 'Only these Tenants', { kind: 'list', hint: 'Separated by commas' }),
      form.input('spec.targeting.headers', 'Only these headers', { kind: 'groups', hint: 'A line each: x-country: de, at' }),
      form.input('spec.targeting.fields', 'Only these fields', { kind: 'groups', hint: 'A line each: metadata.plan: free' })),
    form.input('spec.forced', 'Testers', { kind: 'groups', hint: 'A line for each arm: candidate: tester-1. They are left out of the analysis' }))
}

function decision(form) {
  return el('details', { 'data-place': 'spec.plan' }, el('summary', {}, 'How it is decided'),
    row(
      form.input('spec.plan.alpha', 'Chance of a false verdict, in %', { kind: 'percent', usual: '5', hint: 'However often somebody looks' }),
      form.input('spec.plan.power', 'Chance of finding an effect, in %', { kind: 'percent', usual: '80', hint: 'For planning' }),
      form.input('spec.plan.unitsPerDay', 'New units a day', { kind: 'number', hint: 'For planning' })),
    row(
      form.choice('spec.allocation.kind', 'Shares', [['fixed', 'as the arms say'], ['bandit', 'moved by a bandit']]),
      form.at('spec.allocation.kind') === 'bandit' && form.input('spec.allocation.floor', 'Least share, in %', { kind: 'percent', usual: '5' }),
      form.input('spec.salt', 'Salt', { hint: 'Another salt deals all units out anew' }),
      form.choice('spec.state', 'State', [['draft', 'draft'], ['running', 'running'], ['stopped', 'stopped']])))
}
