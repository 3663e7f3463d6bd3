import * as z from 'zod'
import { key } from './sections.ts'
import { cookieLine, cookieSecret, stickTable, words } from './value-schemas.ts'

/** Keys of a backend that `defaults` can have too. */
export const persistenceSettings = {
  'cookie': key(cookieLine, {
    about: 'Cookie by which clients come back to their server: name, mode, flags; `mode http`',
    otherwise: 'none',
  }),
  'dynamic-cookie-key': key(cookieSecret, {
    about: 'Secret from which, with the addresses of servers, `cookie ... dynamic` makes values',
    otherwise: 'none',
  }),
}

/** Keys that only a backend has. */
export const stickSettings = {
  'force-persist': key(z.array(words), {
    about: 'Conditions, `if COND`, under which a client goes to its server even if that is down',
    otherwise: 'none',
  }),
  'ignore-persist': key(z.array(words), {
    about: 'Conditions, `if COND`, under which the cookie of a request is not followed',
    otherwise: 'none',
  }),
  'stick-table': key(stickTable, {
    about: 'Table of who belongs to which server, shared by all threads: type, size, expire',
    otherwise: 'none',
  }),
  'stick': key(z.array(words), {
    about: 'What the table goes by: `on`, `match` or `store-request`, an expression, `if COND`',
    otherwise: 'none',
  }),
}
