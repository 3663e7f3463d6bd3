// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as a config has them.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { substitute } from '../../../../src/config/text/environment.ts'

const env = { HOST: '10.0.0.1', _P2: '80', EMPTY: '', NESTED: '${HOST}', GONE: undefined }

it.each([
  ['', ''],
  ['no reference', 'no reference'],
  ['${HOST}', '10.0.0.1'],
  ['${HOST}:${_P2}', '10.0.0.1:80'],
  ['${EMPTY}', ''],
  ['${EMPTY-default}', ''],
  ['${MISSING-default}', 'default'],
  ['${GONE-default}', 'default'],
  ['${MISSING-}', ''],
  ['${MISSING-a-b c}', 'a-b c'],
  ['${NESTED}', '${HOST}'],
  ['$HOST $$ {HOST} $', '$HOST $$ {HOST} $'],
])('turns %j into %j', (text, value) => {
  expect(substitute(text, env)).toEqual({ value })
})

it.each(['${MISSING}', '${GONE}', '${constructor}', '${HOST}${MISSING}'])(
  'reports the missing variable of %j',
  (text) => {
    expect(substitute(text, env)).toMatchObject({ problem: { code: 'environment' } })
  },
)

it.each(['${', '${HOST', '${}', '${-x}', '${1ST}', '${A B}', '${A.B}', '${HOST:-x}', '${HOST[*]}'])(
  'reports that %j cannot be read',
  (text) => {
    expect(substitute(text, env)).toMatchObject({
      problem: { hint: 'Write ${NAME} or ${NAME-default}.' },
    })
  },
)

it('leaves a text without references alone, and always gives an answer', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const result = substitute(text, {})
      if (!text.includes('${')) expect(result).toEqual({ value: text })
      else expect(Object.keys(result)).toHaveLength(1)
    }),
  )
})
