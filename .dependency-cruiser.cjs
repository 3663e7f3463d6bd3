/** The rooms of src/ from the lowest floor up. A room imports itself and the floors below it. */
const floors = [
  ['base'],
  ['memory'],
  ['model'],
  ['http', 'balance', 'net', 'telemetry'],
  ['rules'],
  ['rules-host'],
  ['config', 'consensus', 'discovery'],
  ['worker', 'health', 'certificates', 'cluster'],
  ['operations'],
  ['admin', 'cli'],
  ['supervisor'],
  ['main'],
]
/** What runs on the main thread alone. Workers meet it in `memory` and `model` only. */
const mainThread = [
  'config',
  'consensus',
  'discovery',
  'health',
  'certificates',
  'cluster',
  'operations',
  'admin',
  'cli',
  'supervisor',
]
const rooms = (names) => `^src/(${names.join('|')})(/|[.]ts$)`

const layered = floors.flatMap((floor, n) =>
  floor.map((room) => ({
    name: `floor-of-${room}`,
    severity: 'error',
    comment: `${room} imports only itself and the floors below it`,
    from: { path: rooms([room]) },
    to: { path: '^src/', pathNot: rooms([room, ...floors.slice(0, n).flat()]) },
  })),
)

/** The stages of config/, in the order in which a text goes through them. */
const configStages = [
  ['diagnostics'],
  ['text', 'values'],
  ['schema'],
  ['validation'],
  ['resolution'],
]
const stages = (names) => `^src/config/(${names.join('|')})/`
const configOrder = configStages.flatMap((stage, n) =>
  stage.map((folder) => ({
    name: `config-stage-${folder}`,
    severity: 'error',
    comment: `config/${folder} imports only itself and the stages before it`,
    from: { path: stages([folder]) },
    to: { path: '^src/config/', pathNot: stages([folder, ...configStages.slice(0, n).flat()]) },
  })),
)

/**
 * The folders of consensus/, and what each may import beside itself and base/; `seams` are the
 * files of its root. Nobody there imports a protocol: who starts an engine gives it one.
 */
const consensusFolders = {
  seams: [],
  encoding: [],
  log: ['encoding'],
  core: ['log'],
  raft: ['core', 'log', 'encoding'],
  paxos: ['core', 'log', 'encoding'],
  store: ['log', 'encoding'],
  driver: ['core', 'log', 'store/log-store'],
  peers: ['log', 'encoding', 'driver/scheduler'],
  group: ['seams', 'driver', 'core', 'peers', 'store', 'log', 'encoding'],
  lasting: ['seams', 'group', 'store', 'driver/scheduler'],
  solo: ['seams'],
  thread: ['seams'],
  etcd: ['seams'],
}
const inConsensus = (folders) =>
  `^src/consensus/(${folders.map((name) => (name === 'seams' ? '[^/]+[.]ts$' : `${name}(/|[.]ts$)`)).join('|')})`
const consensusRules = Object.entries(consensusFolders).map(([folder, below]) => ({
  name: `folder-of-consensus-${folder}`,
  severity: 'error',
  comment: `${folder} imports only itself and ${below.join(', ') || 'nothing else'} of consensus`,
  from: { path: inConsensus([folder]) },
  to: { path: '^src/consensus/', pathNot: inConsensus([folder, ...below]) },
}))

/**
 * What a worker runs, from the server's end to the client's: a folder imports only itself and those
 * before it. The files beside the folders put them together, and are imported by none.
 */
const workerFolders = ['streams', 'servers', 'dispatch', 'exchange', 'clients', 'accept']
const workerOrder = workerFolders.map((folder, n) => ({
  name: `worker-order-${folder}`,
  severity: 'error',
  comment: `worker/${folder} imports only itself and what is nearer to the server`,
  from: { path: `^src/worker/${folder}/` },
  to: {
    path: '^src/worker/',
    pathNot: `^src/worker/(${workerFolders.slice(0, n + 1).join('|')})/`,
  },
}))

const pure =
  '^src/(base/(?!host/|time-limit|work-slices|ip-address)|balance/|http/|rules/|consensus/(encoding|log|core|driver|raft|paxos)/|cluster/state-machine/|worker/dispatch/retry-budget|health/(verdict|server-state|outlier-|observation-))'

const builtIn = ['commander', 'diff', 'pino', 'prom-client', 'ws', 'yaml', 'zod']

module.exports = {
  forbidden: [
    ...layered,
    ...configOrder,
    ...workerOrder,
    {
      name: 'exchange-knows-no-version',
      severity: 'error',
      comment: 'an exchange knows two streams and messages, whatever version carries them',
      from: { path: '^src/worker/exchange/' },
      to: { path: '^src/(http/h[0-9]/|net/(conn|engines|tls)|worker/servers/h[0-9])' },
    },
    {
      name: 'messages-know-no-version',
      severity: 'error',
      comment: 'rules, choice of a server, the seams and what goes over them are for any version',
      from: { path: '^src/(rules|worker/(dispatch|streams)|http/(?!h[0-9]/))' },
      to: { path: '^src/http/h[0-9]/' },
    },
    ...consensusRules,
    {
      name: 'cluster-knows-the-seams',
      severity: 'error',
      comment: 'what a cluster agrees on knows no engine',
      from: { path: rooms(['cluster']) },
      to: { path: '^src/consensus/[^/]+/' },
    },
    {
      name: 'workers-see-no-main-thread',
      severity: 'error',
      comment: 'what a worker runs knows memory and model: no YAML, no cluster, no supervisor',
      from: { path: rooms(['worker']) },
      to: { path: rooms(mainThread) },
    },
    {
      name: 'main-thread-sees-no-workers',
      severity: 'error',
      comment: 'supervisor starts worker/entry by its URL, and tells it plans',
      from: { path: rooms([...mainThread, 'main']) },
      to: { path: rooms(['worker']) },
    },
    {
      name: 'agreement-thread-stands-alone',
      severity: 'error',
      comment: 'what the thread of agreement runs shares nothing with the main thread but types',
      from: { path: '^src/supervisor/agreement/' },
      to: {
        path: '^src/',
        pathNot:
          '^src/(supervisor/(agreement/|cluster/drawn-id)|consensus/|net/|telemetry/|model/|base/)',
      },
    },
    {
      name: 'agreement-thread-is-met-by-its-boot',
      severity: 'error',
      comment: 'the main thread starts it by its URL, and knows what both tell each other',
      from: { path: '^src/', pathNot: '^src/supervisor/agreement/' },
      to: { path: '^src/supervisor/agreement/', pathNot: 'agreement-boot' },
    },
    {
      name: 'reading-thread-stands-alone',
      severity: 'error',
      comment: 'what reads configs knows nothing of what runs',
      from: { path: '^src/supervisor/reading/reading-' },
      to: {
        path: '^src/',
        pathNot:
          '^src/(supervisor/(reading/reading-|preparation/config-file)|consensus/thread/|telemetry/|model/|base/)',
      },
    },
    {
      name: 'reading-thread-is-met-by-its-boot',
      severity: 'error',
      comment: 'the main thread starts it by its URL',
      from: { path: '^src/' },
      to: { path: '^src/supervisor/reading/reading-entry' },
    },
    {
      name: 'contract-is-of-types',
      severity: 'error',
      comment: 'operations/contract is shared with cli and web pages: types alone, of the model',
      from: { path: '^src/operations/contract/' },
      to: { path: '^src/', pathNot: '^src/(operations/contract|model|base)/' },
    },
    {
      name: 'contract-is-imported-as-types',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/operations/contract/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'cli-knows-the-contract-alone',
      severity: 'error',
      comment: 'a command asks a daemon over its API, and loads nothing of what a daemon is',
      from: { path: rooms(['cli']) },
      to: {
        path: '^src/',
        pathNot: '^src/(cli|operations/contract|config/values|model|base)/',
      },
    },
    {
      name: 'workers-load-cryptography-late',
      severity: 'error',
      comment:
        'most workers have no use for it: base/host/late-modules.ts loads it when it is needed',
      from: { path: '^src/(worker|net|http|rules)/' },
      to: { path: '^(node:)?(crypto|tls|http2)$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'consensus-knows-no-model',
      severity: 'error',
      comment: 'consensus agrees on bytes',
      from: { path: rooms(['consensus']) },
      to: { path: rooms(['model']) },
    },
    {
      name: 'pure-room-imports-no-package',
      severity: 'error',
      comment: 'pure rooms import no node: and no npm package',
      from: { path: pure },
      to: { pathNot: '^src/' },
    },
    {
      name: 'pure-room-reaches-no-package',
      severity: 'error',
      comment: 'nor do they reach one through another room',
      from: { path: pure },
      to: { reachable: true, pathNot: '^src/' },
    },
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'sources-import-no-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'sources-need-no-tool',
      severity: 'error',
      comment: 'of the packages that are not installed with Sluice, only these are built into it',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev'],
        pathNot: `^node_modules/(@types|${builtIn.join('|')})/`,
      },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node'] },
  },
}
