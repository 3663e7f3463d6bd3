/** The rooms of src/ from the lowest floor up. A room imports itself and the floors below it. */
const floors = [
  ['errors'],
  ['model'],
  ['telemetry'],
  ['config', 'balance', 'rules', 'http', 'net', 'discovery', 'consensus'],
  ['upstream', 'cluster'],
  ['proxy', 'admin'],
  ['supervisor'],
  ['main'],
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

const pure =
  '^src/(balance/|http/|rules/|consensus/(encoding|log|raft|paxos)/|cluster/state-machine|upstream/(verdict|server-state|outlier-|observation-|retry-budget))'

module.exports = {
  forbidden: [
    ...layered,
    ...configOrder,
    {
      name: 'data-plane-sees-no-control-plane',
      severity: 'error',
      comment: 'the data plane is given a compiled model: it knows no YAML, no log, no discovery',
      from: { path: rooms(['proxy', 'upstream', 'balance', 'rules', 'http']) },
      to: { path: rooms(['config', 'cluster', 'consensus', 'discovery']) },
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
      name: 'sources-need-no-dev-dependency',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: '^node_modules/@types/' },
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
