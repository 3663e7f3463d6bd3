import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  PROCESS_VARIABLE_NAME_MAX,
  PROCESS_VARIABLE_VALUE_MAX,
  PROCESS_VARIABLES_MAX,
  ProcessVariables,
  reserveProcessVariables,
} from '../../../src/memory/process-variables.ts'
import { sourcesIn, stripSources } from '../../fixtures/stripped-sources.ts'

/** For threads to load, on any Node. */
const folder = stripSources('process-variables', sourcesIn('src/memory'))
const module = pathToFileURL(join(folder, 'src/memory/process-variables.js')).href

/** Runs a script in threads, `variables` and `step` at hand, and gives back what each says. */
async function inThreads(memory: SharedArrayBuffer, steps: readonly number[], script: string) {
  const source = `
    const { workerData, parentPort } = require('node:worker_threads')
    import(workerData.module).then(({ ProcessVariables }) => {
      const { step } = workerData
      const variables = new ProcessVariables(workerData.memory)
      ${script}
    })`
  return await Promise.all(
    steps.map(async (step) => {
      const thread = new Worker(source, { eval: true, workerData: { module, memory, step } })
      const [said] = await once(thread, 'message')
      return { thread, said }
    }),
  )
}

it('do as a plain map does, in all that have opened the memory', () => {
  const name = fc.constantFrom('proc.a', 'proc.b', 'proc.ab')
  const value = fc.oneof(fc.string({ maxLength: 20 }), fc.integer(), fc.constant(null))
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value, fc.boolean()), { maxLength: 40 }), (steps) => {
      const memory = reserveProcessVariables()
      const [one, other] = [new ProcessVariables(memory), new ProcessVariables(memory)]
      const twin = new Map<string, string | number | null>()
      for (const [name, value, isOne] of steps) {
        expect((isOne ? one : other).set(name, value)).toBe(true)
        twin.set(name, value)
        for (const name of ['proc.a', 'proc.b', 'proc.ab']) {
          expect(one.get(name)).toBe(twin.get(name) ?? null)
          expect(other.get(name)).toBe(twin.get(name) ?? null)
        }
      }
    }),
  )
})

it('have room for so many names and characters, and keep what they had', () => {
  const variables = new ProcessVariables(reserveProcessVariables())
  const long = 'n'.repeat(PROCESS_VARIABLE_NAME_MAX)
  const whole = 'ÿ€'.repeat(PROCESS_VARIABLE_VALUE_MAX / 2)
  expect(variables.set(long, whole)).toBe(true)
  expect(variables.set(long, `${whole}x`)).toBe(false)
  expect(variables.set(`${long}x`, 'a')).toBe(false)
  expect(variables.get(long)).toBe(whole)
  expect(variables.set('unknown', null)).toBe(true)
  for (let n = 1; n < PROCESS_VARIABLES_MAX; n++) expect(variables.set(`v${n}`, n)).toBe(true)
  expect(variables.set('one.more', 1)).toBe(false)
  expect(variables.get('one.more')).toBeNull()
  expect(variables.set('v7', null)).toBe(true)
  expect(variables.get('v7')).toBeNull()
  expect(variables.get('v8')).toBe(8)
})

it('give whole values and one place to a name, however many threads write at once', async () => {
  const memory = reserveProcessVariables()
  const threads = await inThreads(
    memory,
    [1, 2, 3],
    `
    const own = String(step).repeat(200 + step)
    let torn = 0
    let own1 = 0
    for (let n = 0; n < 30_000; n++) {
      variables.set('shared' + (n % 20), own)
      const value = variables.get('shared' + ((n * 7) % 20))
      if (value === null) continue
      if (value !== value[0].repeat(200 + Number(value[0]))) torn++
      if (value === own) own1++
    }
    parentPort.postMessage({ torn, saw: own1 > 0 })`,
  )
  expect(threads.map(({ said }) => said)).toEqual(Array(3).fill({ torn: 0, saw: true }))
  const variables = new ProcessVariables(memory)
  // Had a name two places, there would not be room for so many others.
  for (let n = 20; n < PROCESS_VARIABLES_MAX; n++) expect(variables.set(`v${n}`, n)).toBe(true)
  expect(variables.set('one.more', 1)).toBe(false)
})

it('hold nobody up after a thread that was ended in the midst of writing', async () => {
  const memory = reserveProcessVariables()
  const [writing] = await inThreads(
    memory,
    [1],
    `parentPort.postMessage('writing')
    for (let n = 0; ; n++) variables.set('v' + (n % 50), 'x'.repeat(n % 500))`,
  )
  await writing?.thread.terminate()
  const variables = new ProcessVariables(memory)
  for (let n = 0; n < 100; n++) {
    expect(variables.set(`v${n}`, n)).toBe(true)
    expect(variables.get(`v${n}`)).toBe(n)
  }
})

it('pass over a place whose thread has ended before it had written the name', () => {
  const memory = reserveProcessVariables()
  new Int32Array(memory)[0] = -1
  const variables = new ProcessVariables(memory)
  expect(variables.get('a')).toBeNull()
  expect(variables.set('a', 'value')).toBe(true)
  expect(new ProcessVariables(memory).get('a')).toBe('value')
})
