import type { MessagePort } from 'node:worker_threads'
import type { BackendSlice } from '../../base/backend-slices.ts'
import type { BackendConfig, Config } from '../../model/config.ts'
import type { ConfigSurroundings, ReadConfig, ReadingRequest } from '../preparation/config-file.ts'

/** What the thread that reads configs is started with. */
export interface ReadingBoot {
  readonly surroundings: ConfigSurroundings
  /** For {@link ReadingCalls}. */
  readonly port: MessagePort
}

/** What was read but for the backends, which follow in slices. */
export type ReadHead = Omit<ReadConfig, 'config'> & {
  readonly config: Omit<Config, 'backends'> | null
}

/** What is asked of that thread: one text after the other. */
export interface ReadingCalls {
  read(request: ReadingRequest): ReadHead
  /** The next backends of what was read last; null: there are no more. */
  next(): BackendSlice<BackendConfig> | null
}
