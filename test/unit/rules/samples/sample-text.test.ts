import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../../src/base/errors.ts'
import { REQUEST_PHASE, SESSION_PHASE } from '../../../../src/rules/language/phases.ts'
import { compileSample, sampleProblem } from '../../../../src/rules/samples/sample-text.ts'
import { Message } from '../messages.ts'

describe('a text that is one sample expression', () => {
  it.each([
    { text: 'path', value: '/a/b' },
    { text: ' req.hdr(host),lower ', value: 'example.com' },
    { text: 'str("a b")', value: 'a b' },
    { text: '"str(a b)"', value: 'a b' },
    { text: 'urlp(x)', value: null },
    { text: 'src_port', value: 50_000 },
  ])('$text gives $value', ({ text, value }) => {
    const message = new Message({ line: 'GET /a/b', headers: ['Host: Example.COM'] })
    expect(sampleProblem(text, REQUEST_PHASE)).toBeNull()
    expect(compileSample(text, REQUEST_PHASE).value(message)).toBe(value)
  })

  it.each([
    { text: '', offset: 0, problem: 'a sample expression is missing' },
    { text: 'pathh', offset: 0, problem: 'unknown fetch "pathh"' },
    { text: 'path,', offset: 5, problem: 'unknown converter ""' },
    { text: 'path,lower)x', offset: 10, problem: 'unexpected ")x"' },
    { text: 'path -m beg', offset: 5, problem: 'unexpected "-m"' },
    { text: 'str("a', offset: 4, problem: 'quote is not closed' },
  ])('$text is refused at $offset', ({ text, offset, problem }) => {
    expect(sampleProblem(text, REQUEST_PHASE)).toMatchObject({
      offset,
      message: expect.stringContaining(problem),
    })
    expect(() => compileSample(text, REQUEST_PHASE)).toThrow(SluiceError)
  })

  it('sees only the connection where there is no request', () => {
    expect(sampleProblem('src', SESSION_PHASE)).toBeNull()
    expect(sampleProblem('path', SESSION_PHASE)?.message).toBe(
      '"path" cannot be fetched from a connection in mode tcp',
    )
    expect(sampleProblem('status', SESSION_PHASE)?.message).toContain('cannot be fetched')
  })
})
