import type { Address } from '../base/address.ts'
import type { BackendSlice } from '../base/backend-slices.ts'
import type { ServerTableMemory } from '../memory/server-table.ts'
import type { TicketKeys } from './bind-tls.ts'
import type { TuneConfig } from './config.ts'
import type { LogLoss, LogSink } from './log-sink.ts'
import type { Plan, PlannedBackend } from './plan.ts'
import type { ServersChange } from './servers-change.ts'
import type { OwnFailure } from './shortage.ts'

/** What a worker thread waits for once it is loaded: the first message that it is sent. */
export interface WorkerBoot {
  /** Index of the worker in the server table. */
  readonly index: number
  readonly memory: ServerTableMemory
  /** Of rules, shared by all workers. */
  readonly variables: SharedArrayBuffer
  readonly tune: TuneConfig
  /** The access log, which the control plane holds open; null: nothing is logged. */
  readonly accessLog: LogSink | null
  readonly ticketKeys: TicketKeys
}

/** What the control plane tells a worker from then on. */
export type ToWorker =
  | { readonly kind: 'plan-slice'; readonly backends: BackendSlice<PlannedBackend> } // of the next plan
  | { readonly kind: 'apply'; readonly plan: Omit<Plan, 'backends'> } // run this plan with them from now on
  | { readonly kind: 'change-servers'; readonly change: ServersChange } // run the plan that it leads to
  | { readonly kind: 'renew-ticket-keys'; readonly keys: TicketKeys } // seal and open by these
  | { readonly kind: 'drain' } // accept no more, finish what is open
  | { readonly kind: 'free-ports'; readonly address: Address } // give up idle connections to it
  | { readonly kind: 'cut' } // end every session now
  | { readonly kind: 'exit' } // write the logs out and end the thread

/** What a worker tells the control plane. */
export type FromWorker =
  | { readonly kind: 'applied'; readonly serial: number }
  | { readonly kind: 'drained' }
  | { readonly kind: 'shortage'; readonly failure: OwnFailure; readonly address: Address }
  | { readonly kind: 'log-loss'; readonly loss: LogLoss }
  | {
      readonly kind: 'warning'
      readonly event: string
      readonly message: string
      readonly fields: Readonly<Record<string, unknown>>
    }
