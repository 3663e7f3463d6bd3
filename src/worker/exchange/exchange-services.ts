import type { ProcessVariables } from '../../memory/process-variables.ts'
import type { TuneConfig } from '../../model/config.ts'
import type { DispatchServices } from '../dispatch/dispatch.ts'
import type { ResponseServices } from '../servers/server-services.ts'
import type { SettleServices } from './accounting.ts'
import type { ForwardServices } from './http-response.ts'
import type { RoutingServices } from './routing/request-routing.ts'

/** What an exchange takes of the worker: what each of its parts does. */
export interface ExchangeServices
  extends DispatchServices,
    ResponseServices,
    RoutingServices,
    ForwardServices,
    SettleServices {
  /** `global.tune`, fixed for the life of the worker. */
  readonly tune: TuneConfig
  /** What rules of all workers share. */
  readonly processVariables: ProcessVariables
}
