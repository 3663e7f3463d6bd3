import { beforeEach, describe, expect, it } from 'vitest'
import { type Daemon, startDaemon } from './support/daemon.ts'
import { startMariadb } from './support/mariadb.ts'
import { freePort } from './support/ports.ts'
import { startPostgresql } from './support/postgresql.ts'
import { startRedis } from './support/redis.ts'
import { requires } from './support/requirements.ts'
import { startTcpServer } from './support/tcp-server.ts'
import { until } from './support/waiting.ts'

/** A daemon that checks one server, `app/s1`. */
async function startChecked(
  address: string,
  backend: Readonly<Record<string, unknown>>,
): Promise<Daemon> {
  return startDaemon({
    config: {
      defaults: { 'default-server': { check: true, inter: '100ms', rise: 2, fall: 2 } },
      frontends: { main: { bind: `127.0.0.1:${await freePort()}`, default_backend: 'app' } },
      backends: { app: { servers: { s1: address }, ...backend } },
    },
  })
}

/** Waits until a check of `app/s1` has ended with a status. */
function untilStatus({ adminUrl }: Daemon, status: string): Promise<string> {
  return until(`check status ${status}`, async () => {
    const response = await fetch(`${adminUrl}/metrics`)
    const line = (await response.text())
      .split('\n')
      .find((one) => one.includes('server_check_status{') && one.includes(`state="${status}"`))
    return line?.endsWith(' 1') ? line : undefined
  })
}

describe('Redis', () => {
  beforeEach(requires('redis-server'))

  it('is up until it asks for a password', async () => {
    const redis = await startRedis()
    const daemon = await startChecked(redis.address, { option: { 'redis-check': true } })
    await untilStatus(daemon, 'L7OK')
    await redis.command('config', 'set', 'requirepass', 'secret')
    const down = await daemon.event('server-down')
    expect(JSON.stringify(down)).toContain('Layer7 wrong status')
    await redis.command('-a', 'secret', '--no-auth-warning', 'config', 'set', 'requirepass', '')
    await daemon.event('server-up')
  })

  it('is up as long as it is the primary', async () => {
    const redis = await startRedis()
    const daemon = await startChecked(redis.address, {
      option: { 'tcp-check': true },
      'tcp-check': [
        'connect',
        'send PING\\r\\n',
        'expect string +PONG',
        'send INFO replication\\r\\n',
        'comment the role',
        'expect min-recv 30 string role:master',
        'send QUIT\\r\\n',
        'expect string +OK',
      ],
    })
    await untilStatus(daemon, 'L7OK')
    await redis.command('replicaof', '127.0.0.1', `${await freePort()}`)
    const down = await daemon.event('server-down')
    expect(JSON.stringify(down)).toContain("comment: 'the role'")
    await redis.command('replicaof', 'no', 'one')
    await daemon.event('server-up')
  })
})

describe('PostgreSQL', () => {
  beforeEach(requires('postgresql'))

  it('is up while it runs', async () => {
    const postgresql = await startPostgresql()
    const daemon = await startChecked(postgresql.address, {
      option: { 'pgsql-check': { user: 'postgres' } },
    })
    await untilStatus(daemon, 'L7OK')
    await postgresql.stop()
    await daemon.event('server-down')
    await postgresql.restart()
    await daemon.event('server-up')
  })

  it('is down for a user whom it refuses', async () => {
    const postgresql = await startPostgresql()
    const daemon = await startChecked(postgresql.address, {
      option: { 'pgsql-check': { user: 'blocked' } },
    })
    const down = await daemon.event('server-down')
    expect(JSON.stringify(down)).toContain('pg_hba.conf rejects connection')
  })
})

describe('MariaDB', () => {
  beforeEach(requires('mariadbd'))

  it('is up while it runs and lets the user in', async () => {
    const mariadb = await startMariadb()
    const daemon = await startChecked(mariadb.address, {
      option: { 'mysql-check': { user: 'lb' } },
    })
    await untilStatus(daemon, 'L7OK')
    await mariadb.stop()
    await daemon.event('server-down')
    await mariadb.restart()
    await daemon.event('server-up')
  })

  it('greets whoever comes', async () => {
    const mariadb = await startMariadb()
    const daemon = await startChecked(mariadb.address, { option: { 'mysql-check': true } })
    await untilStatus(daemon, 'L7OK')
  })

  it.each([
    ['who needs a password', 'guarded'],
    ['whom it does not know', 'nobody'],
  ])('is down for a user %s', async (_, user) => {
    const mariadb = await startMariadb()
    const daemon = await startChecked(mariadb.address, { option: { 'mysql-check': { user } } })
    const down = await daemon.event('server-down')
    expect(JSON.stringify(down)).toContain('Layer7 wrong status, code: 1045')
    expect(JSON.stringify(down)).toContain(`Access denied for user '${user}'@'127.0.0.1'`)
  })
})

describe('what is none of them', () => {
  it.each([
    ['redis-check', true],
    ['pgsql-check', { user: 'postgres' }],
    ['mysql-check', true],
    ['smtpchk', true],
  ])('is down for option %s', async (name, value) => {
    const server = await startTcpServer((socket) => {
      socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
    })
    const daemon = await startChecked(server.address, { option: { [name]: value } })
    expect(JSON.stringify(await daemon.event('server-down'))).toContain('Layer7')
  })
})
