import type { ForwardedConfig, ForwardForConfig } from '../../model/config.ts'
import type { ConfigInput } from '../schema/schema.ts'
import { DEFAULT_FORWARDED, DEFAULT_PROXY } from '../values/default-values.ts'

type Options = NonNullable<NonNullable<ConfigInput['defaults']>['option']>

/** `option forwardfor`; null where it is off. */
export function resolveForwardFor(option: Options['forwardfor']): ForwardForConfig | null {
  if (option === undefined || option === false) return null
  const given = option === true ? {} : option
  return {
    header: given.header ?? DEFAULT_PROXY.forwardforHeader,
    ifNone: given['if-none'] ?? false,
    except: given.except ?? [],
  }
}

/** `option forwarded`; null where it is off. Of a map, what is not named is off. */
export function resolveForwarded(option: Options['forwarded']): ForwardedConfig | null {
  if (option === undefined || option === false) return null
  if (option === true) return DEFAULT_FORWARDED
  return {
    proto: option.proto ?? false,
    host: option.host ?? false,
    by: option.by ?? false,
    byPort: option['by-port'] ?? false,
    for: option.for ?? false,
    forPort: option['for-port'] ?? false,
  }
}
