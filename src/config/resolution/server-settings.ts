import type { ConfigInput } from '../schema/schema.ts'

type Backend = NonNullable<ConfigInput['backends']>[string]

/** What a server and a `default-server` can both say. */
export type ServerSettings = NonNullable<Backend['default-server']>
