import { defineConfig } from 'eslint/config'
import jsdoc from 'eslint-plugin-jsdoc'
import ts from 'typescript-eslint'

/** Names of numbers that measure time carry their unit, last: `idleTimeoutMs`. */
const timeWords =
  '([tT]imeout|[iI]nterval|[dD]elay|[dD]uration|[lL]atency|[tT]tl|[dD]eadline|[bB]ackoff|[eE]lapsed|[uU]ptime)$'
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
  'src/base/!(time-limit).ts',
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

export default defineConfig(
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts'],
    languageOptions: {
      parser: ts.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    plugins: { '@typescript-eslint': ts.plugin, jsdoc },
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
    },
  },
  { files: ['src/base/errors.ts'], rules: { 'no-restricted-syntax': 'off' } },
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
)
