// The arms of an Experiment: names, weights, and what each does otherwise than the Route.

import { el } from '../dom.js'
import { group, row } from './fields.js'
import { items } from './lists.js'

export function arms(form, known) {
  return group('Arms', 'spec.arms',
    el('p', { class: 'hint' }, 'The first is the control, which all others are compared with.'),
    items(form, {
      place: 'spec.arms', name: 'an arm', least: 2, first: 'name',
      fresh: index => ({ name: `arm-${index + 1}`, weight: 50 }),
      title: (index, arm) => (index ? `Arm ${arm?.name || index + 1}` : 'Control'),
      made: (place, index) => [
        row(
          form.input(`${place}.name`, 'Name', { required: true }),
          form.input(`${place}.weight`, 'Weight', { kind: 'number', size: 'small', hint: 'Of the sum of all' })),
        override(form, `${place}.override`, known, index),
      ],
    }))
}

function override(form, place, known, index) {
  const says = form.at(place) !== undefined
  return el('details', { open: says || index > 0, 'data-place': place }, el('summary', {}, 'Does otherwise than the Route'),
    prompt(form, `${place}.prompt`, known),
    row(
      form.input(`${place}.tiers.light`, 'Light Models', { kind: 'list', hint: 'Separated by commas; MODEL:ADAPTER for an adapter' }),
      form.input(`${place}.tiers.heavy`, 'Heavy Models', { kind: 'list', hint: `There are: ${known.models.join(', ') || 'none'}` })),
    row(
      form.input(`${place}.sampling.temperature`, 'Temperature', { kind: 'number', size: 'small' }),
      form.input(`${place}.sampling.topP`, 'Top p', { kind: 'number', size: 'small' }),
      form.input(`${place}.sampling.maxTokens`, 'Most tokens', { kind: 'number', size: 'small' }),
      form.input(`${place}.complexity.threshold`, 'Heavy from', { kind: 'number', size: 'small', hint: 'Complexity, 0 to 1' })),
    cache(form, `${place}.cache.exact`))
}

function prompt(form, place, known) {
  const byVersion = form.at(`${place}.version`) !== undefined
  const pick = kind => {
    const { alias, version, ...rest } = form.at(place) ?? {}
    form.put(place, { ...rest, ...(kind === 'version' ? { version: 1 } : { alias: alias ?? 'next' }) }, true)
  }
  return row(
    form.input(`${place}.name`, 'Prompt', { options: known.prompts }),
    form.choice(`${place}.by`, 'Which of it', [['alias', 'the one with an alias'], ['version', 'a version']], { initial: byVersion ? 'version' : 'alias', act: pick }),
    byVersion
      ? form.input(`${place}.version`, 'Version', { kind: 'number', size: 'small' })
      : form.input(`${place}.alias`, 'Alias', { hint: 'Such as next' }))
}

function cache(form, place) {
  const enabled = form.at(`${place}.enabled`)
  const initial = enabled === undefined ? 'same' : enabled ? 'on' : 'off'
  const pick = kind => form.put(`${place}.enabled`, kind === 'same' ? undefined : kind === 'on', true)
  return row(
    form.choice(`${place}.enabled`, 'Exact cache', [['same', 'as the Route'], ['on', 'on'], ['off', 'off']], { initial, act: pick }),
    enabled && form.input(`${place}.ttlSeconds`, 'Kept for, in seconds', { kind: 'number' }))
}
