import { parentPort } from 'node:worker_threads'
import { type BackendSlice, slicesOf } from '../../base/backend-slices.ts'
import { assert } from '../../base/errors.ts'
import { ThreadLine } from '../../consensus/thread/thread-line.ts'
import type { BackendConfig } from '../../model/config.ts'
import { nameSourcesInStacks } from '../../telemetry/source-stacks.ts'
import { readConfigText } from '../preparation/config-file.ts'
import type { ReadingBoot, ReadingCalls } from './reading-boot.ts'

/** Reads what it is asked for until the line is closed. */
function readConfigs({ port, surroundings }: ReadingBoot): void {
  let slices: Iterator<BackendSlice<BackendConfig>, void> | null = null
  const calls: ReadingCalls = {
    read: ({ text, name, ...options }) => {
      const { config, ...rest } = readConfigText(text, name, surroundings, options)
      slices = config === null ? null : slicesOf(config.backends)
      if (config === null) return { ...rest, config }
      const { backends: _, ...head } = config
      return { ...rest, config: head }
    },
    next: () => {
      const slice = slices?.next().value ?? null
      // What was read is not kept beyond the last of it.
      if (slice === null) slices = null
      return slice
    },
  }
  new ThreadLine(port, calls)
}

const parent = parentPort
assert(parent !== null, 'the entry of reading was loaded outside a thread of its own')
nameSourcesInStacks()
parent.once('message', readConfigs)
