import { defineConfig } from 'eslint/config'
import jsdoc from 'eslint-plugin-jsdoc'
import ts from 'typescript-eslint'

/**
 * Names of numbers that measure time carry their unit, last: `idleTimeoutMs`. An option of node:tls
 * has its name from there.
 */
const timeWords =
  '(?<!^session)([tT]imeout|[iI]nterval|[dD]elay|[dD]uration|[lL]atency|[tT]tl|[dD]eadline|[bB]ackoff|[eE]lapsed|[uU]ptime)$'
const unitsLast = {
  selector: ['variable', 'parameter', 'property'],
  types: ['number'],
  filter: { regex: timeWords, match: true },
  format: null,
  custom: { regex: '(Ns|Us|Ms|Sec|Ticks)$', match: true },
}

const codedErrors = [
  {
    selector:
      ':matches(NewExpression, CallExpression)[callee.name=/^([A-Z][a-z]*)?Error$/]:not([callee.name="SluiceError"])',
    message: 'Throw a coded error of src/base/errors.ts.',
  },
  {
    selector: ':matches(ClassDeclaration, ClassExpression)[superClass.name=/Error$/]',
    message: 'Add a code to src/base/errors.ts instead of another class of errors.',
  },
]

const environment = [
  ...['env', 'argv', 'argv0', 'execArgv'].map((property) => ({
    object: 'process',
    property,
    message: 'Only src/main.ts reads the environment and the arguments.',
  })),
]

const pureRooms = [
  'src/base/!(time-limit|work-slices).ts',
  'src/balance/**',
  'src/http/**',
  'src/rules/**',
  'src/consensus/{encoding,log,core,driver,raft,paxos}/**',
  'src/cluster/state-machine/**',
  'src/worker/dispatch/retry-budget*',
  'src/health/verdict*',
  'src/health/server-state*',
  'src/health/outlier-*',
  'src/health/observation-*',
]

const impureGlobals = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'queueMicrotask',
  'process',
  'performance',
  'console',
  'crypto',
  'fetch',
  'globalThis',
  'global',
].map((name) => ({ name, message: 'A pure room is given time, randomness and I/O by its caller.' }))

/** Fields of a class that change. With more, it holds more than one state. */
const MUTABLE_FIELDS_MAX = 8

/** Classes that have more, how many at most, and why they are one all the same. */
const fieldExceptions = new Map([
  ['AccessLogWriter', { fieldsMax: 10, why: 'two buffers that change places, and what was lost' }],
  ['Check', { fieldsMax: 10, why: 'counters of HAProxy that are shown beside its verdict' }],
  ['ChunkedScanner', { fieldsMax: 14, why: 'it may be interrupted at any byte' }],
  ['Dispatch', { fieldsMax: 12, why: 'kept for the next request of its connection: one object' }],
  ['Driver', { fieldsMax: 11, why: 'what is durable, applied and told, each at its own pace' }],
  ['Durability', { fieldsMax: 9, why: 'log, hard state and snapshot, unsaved and durable' }],
  ['ExchangeRecord', { fieldsMax: 14, why: 'a record: what the log line of an exchange has' }],
  ['GroupEngine', { fieldsMax: 9, why: 'the life of an engine from its birth to its end' }],
  [
    'H1ServerStream',
    {
      fieldsMax: 13,
      why: 'kept for the next request of its exchange: one object, and what was lent',
    },
  ],
  [
    'H1ClientStream',
    { fieldsMax: 9, why: 'kept for the next request of its connection: one object' },
  ],
  [
    'H2ServerStream',
    {
      fieldsMax: 10,
      why: 'kept for the next request of its exchange: one object, and what was lent',
    },
  ],
  ['NodeConn', { fieldsMax: 10, why: 'each way of ending that a socket of Node tells apart' }],
  ['OutgoingRequest', { fieldsMax: 12, why: 'a record: the head of a request that is sent on' }],
  ['Progress', { fieldsMax: 12, why: 'a record: what a leader knows of one follower' }],
  ['ServerLife', { fieldsMax: 15, why: 'a record: all that composes the state of one server' }],
])

/** A class with more fields that change than a reader can hold together. */
const fewMutableFields = {
  meta: { type: 'suggestion', schema: [] },
  create: (context) => ({
    ClassBody(node) {
      const changing = node.body.filter(
        (member) => member.type === 'PropertyDefinition' && !member.readonly && !member.static,
      )
      const name = node.parent.id?.name ?? ''
      const fieldsMax = fieldExceptions.get(name)?.fieldsMax ?? MUTABLE_FIELDS_MAX
      if (changing.length <= fieldsMax) return
      const message = `${changing.length} fields change, at most ${fieldsMax} may: part the class by what exists when.`
      context.report({ node: node.parent, message })
    },
  }),
}

export default defineConfig(
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    languageOptions: {
      parser: ts.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: {
      '@typescript-eslint': ts.plugin,
      jsdoc,
      sluice: { rules: { 'few-mutable-fields': fewMutableFields } },
    },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/naming-convention': ['error', unitsLast],
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          require: { FunctionDeclaration: true, ClassDeclaration: true },
          contexts: [
            'TSInterfaceDeclaration',
            'TSTypeAliasDeclaration',
            'ExportNamedDeclaration > VariableDeclaration',
          ],
        },
      ],
      'no-restricted-properties': ['error', ...environment],
      'no-restricted-syntax': ['error', ...codedErrors],
      'sluice/few-mutable-fields': 'error',
    },
  },
  { files: ['src/main.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: pureRooms,
    rules: {
      'no-restricted-globals': ['error', ...impureGlobals],
      'no-restricted-properties': [
        'error',
        ...environment,
        { object: 'Date', property: 'now', message: 'A pure room is given a Clock.' },
        { object: 'Math', property: 'random', message: 'A pure room is given a Random.' },
      ],
      'no-restricted-syntax': [
        'error',
        ...codedErrors,
        {
          selector:
            ':matches(NewExpression, CallExpression)[callee.name="Date"][arguments.length=0]',
          message: 'A pure room is given a Clock.',
        },
      ],
    },
  },
  { files: ['src/base/errors.ts'], rules: { 'no-restricted-syntax': 'off' } },
)
