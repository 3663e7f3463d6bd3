import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Address, formatAddress } from '../../../../src/base/address.ts'
import { parseNetwork } from '../../../../src/base/networks.ts'
import {
  ADDRESS_PATTERN,
  parseAddress,
  parseCidr,
  parseProbeHost,
  SOCKET_PATH_BYTES_MAX,
} from '../../../../src/config/values/addresses.ts'

function inet(host: string, port: number): Address {
  return { kind: 'inet', host, port }
}

describe('parseAddress', () => {
  it.each([
    [':80', inet('0.0.0.0', 80)],
    ['*:80', inet('0.0.0.0', 80)],
    ['0.0.0.0:80', inet('0.0.0.0', 80)],
    ['ipv4@:80', inet('0.0.0.0', 80)],
    ['ipv4@*:80', inet('0.0.0.0', 80)],
    ['ipv6@:80', inet('::', 80)],
    ['ipv6@*:80', inet('::', 80)],
    ['[::]:80', inet('::', 80)],
    [':::80', inet('::', 80)],
  ])('reads %s to listen on', (text, address) => {
    expect(parseAddress(text, 'bind')).toEqual({ value: address })
    expect(parseAddress(text, 'server')).toHaveProperty('problem')
  })

  it.each([
    ['127.0.0.1:1', inet('127.0.0.1', 1)],
    ['10.0.0.1:65535', inet('10.0.0.1', 65_535)],
    ['10.0.0.1:00080', inet('10.0.0.1', 80)],
    ['ipv4@10.0.0.1:80', inet('10.0.0.1', 80)],
    ['[::1]:80', inet('::1', 80)],
    ['::1:80', inet('::1', 80)],
    ['ipv6@[::1]:80', inet('::1', 80)],
    ['ipv6@::1:80', inet('::1', 80)],
    ['[0:0:0:0:0:0:0:1]:80', inet('::1', 80)],
    ['[2001:DB8::0001]:80', inet('2001:db8::1', 80)],
    ['2001:db8:1:2:3:4:5:6:80', inet('2001:db8:1:2:3:4:5:6', 80)],
    ['2001:db8::1:2:3', inet('2001:db8::1:2', 3)],
    ['localhost:80', inet('localhost', 80)],
    ['app-1.example.com.:80', inet('app-1.example.com.', 80)],
    ['my_service:80', inet('my_service', 80)],
    ['unix@/run/app.sock', { kind: 'unix', path: '/run/app.sock' }],
    ['/run/app.sock', { kind: 'unix', path: '/run/app.sock' }],
    ['/run/a:80', { kind: 'unix', path: '/run/a:80' }],
  ] as const)('reads %s to listen on and to connect to', (text, address) => {
    expect(parseAddress(text, 'bind')).toEqual({ value: address })
    expect(parseAddress(text, 'server')).toEqual({ value: address })
    expect(text).toMatch(new RegExp(ADDRESS_PATTERN))
  })

  // What HAProxy 2.6 refuses is refused; test/golden/config/addresses.yaml has the messages.
  it.each([
    '',
    ':',
    '80',
    ':0',
    ':65536',
    ':-1',
    ':+1',
    ':80-90',
    ':http',
    ': 80',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.256:80',
    '1.2.3:80',
    '::1',
    '::18080',
    '[::1]',
    '[::1]80',
    '[::1:80',
    '::1]:80',
    '[]:80',
    '[127.0.0.1]:80',
    '[localhost]:80',
    'fe80::1%eth0:80',
    'ipv4@[::1]:80',
    'ipv6@127.0.0.1:80',
    'abns@name',
    'fd@3',
    'quic4@:443',
    'nonsense@:80',
    'unix@',
    'unix@relative',
    '/',
    '/run/',
    '-a.example:80',
    'a-.example:80',
    'a..example:80',
    'a b:80',
    `${'a'.repeat(64)}.example:80`,
    `${'a.'.repeat(127)}a:80`,
    '127.0.0.1:80,127.0.0.1:81',
    'http://127.0.0.1:80',
  ])('refuses %j', (text) => {
    expect(parseAddress(text, 'bind')).toHaveProperty('problem')
  })

  it.each(['bind', 'server'] as const)('takes a socket path to %s as long as fits', (use) => {
    const fits = `/${'é'.repeat((SOCKET_PATH_BYTES_MAX[use] - 1) / 2)}`
    expect(parseAddress(fits, use)).toEqual({ value: { kind: 'unix', path: fits } })
    expect(parseAddress(`${fits}éé`, use)).toMatchObject({ problem: { code: 'out-of-range' } })
  })

  it('reads what formatAddress writes', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain())
    const port = fc.integer({ min: 1, max: 65_535 })
    fc.assert(
      fc.property(host, port, (text, number) => {
        const bracketed = text.includes(':') ? `[${text}]` : text
        const first = parseAddress(`${bracketed}:${number}`, 'bind')
        if ('problem' in first) throw new Error(`${text}: ${first.problem.message}`)
        expect(parseAddress(formatAddress(first.value), 'bind')).toEqual(first)
        // HAProxy takes the port after the last colon, with and without brackets.
        expect(parseAddress(`${text}:${number}`, 'bind')).toEqual(first)
      }),
    )
  })

  it('accepts only what its pattern does', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.stringMatching(/^(unix@|ipv6@|\/)?[[a-f0-9.:*\]]{0,8}:[0-9]{0,3}$/),
    )
    fc.assert(
      fc.property(texts, (text) => {
        if ('value' in parseAddress(text, 'bind')) expect(text).toMatch(new RegExp(ADDRESS_PATTERN))
      }),
    )
  })
})

describe('parseProbeHost', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::1', '::1'],
    ['[0::1]', '::1'],
    ['checks.example', 'checks.example'],
  ])('reads %s', (text, host) => {
    expect(parseProbeHost(text)).toEqual({ value: host })
  })

  it('says where the port goes', () => {
    expect(parseProbeHost('10.0.0.1:80')).toMatchObject({
      problem: { hint: 'Write it as port: 80.' },
    })
  })

  it.each(['', '10.0.0', '10.0.0.1/8', 'a b', '*', 'unix@/run/a'])('refuses %j', (text) => {
    expect(parseProbeHost(text)).toHaveProperty('problem')
  })
})

describe('parseCidr', () => {
  it('accepts nothing that the rules, which use it, cannot read', () => {
    const network = fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.option(fc.nat(140)))
    fc.assert(
      fc.property(network, ([ip, bits]) => {
        const result = parseCidr(bits === null ? ip : `${ip}/${bits}`)
        if ('value' in result) expect(parseNetwork(result.value)).not.toBeNull()
        else expect(bits).toBeGreaterThan(32)
      }),
    )
  })

  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['10.0.0.1', '10.0.0.1/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::1', '::1/128'],
    ['2001:db8::/32', '2001:db8::/32'],
  ])('reads %s', (text, network) => {
    expect(parseCidr(text)).toEqual({ value: network })
  })

  it.each([
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    'ten/8',
    'fe80::1%eth0',
  ])('refuses %j', (text) => {
    expect(parseCidr(text)).toHaveProperty('problem')
  })
})
