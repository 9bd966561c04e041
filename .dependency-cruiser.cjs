/** The arrows of the architecture, checked. Each law says why it is one. */
const CAPABILITIES =
  '^controller/(enrolment|landscape|inventory|bundles|signatures|identification|planner|orchestrator|incidents|verification|access|reports|queries|risk)/';
module.exports = {
  forbidden: [
    {
      name: 'agent-and-controller-are-strangers',
      comment: 'What both know is in shared/ and travels over the protocol; anything else would couple their releases.',
      severity: 'error',
      from: { path: '^agent/' },
      to: { path: '^controller/' },
    },
    {
      name: 'controller-and-agent-are-strangers',
      comment: 'What both know is in shared/ and travels over the protocol; anything else would couple their releases.',
      severity: 'error',
      from: { path: '^controller/' },
      to: { path: '^agent/' },
    },
    {
      name: 'shared-stands-alone',
      comment: 'shared/ runs on both sides, so it can depend on neither.',
      severity: 'error',
      from: { path: '^shared/' },
      to: { path: '^(agent|controller|test|installers)/' },
    },
    {
      name: 'shared-has-no-io',
      comment:
        'Pure code is what lets production, forecast and simulator run the same decisions. crypto, buffer, zlib and streams only compute.',
      severity: 'error',
      from: { path: '^shared/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer|util|zlib|stream|stream/promises)$' },
    },
    {
      name: 'deciders-are-pure',
      comment: 'A decision that reads the world cannot be replayed. Deciders take snapshots and give data.',
      severity: 'error',
      from: { path: '^(controller|agent)/.*/decide[a-z-]*\\.ts$', pathNot: '\\.test\\.ts$' },
      to: {
        path: [
          '^(node:)?(fs|net|http|https|child_process|os|timers|sqlite|worker_threads)(/|$)',
          '^controller/(store|api|link|loops)/',
          'node_modules/(pino|postgres|drizzle-orm|@grpc)/',
        ],
      },
    },
    {
      name: 'capabilities-do-not-know-each-other',
      comment: 'What crosses capabilities is composed above them (loops, api, link, main), so each can be read alone.',
      severity: 'error',
      from: {
        path: '^controller/(enrolment|landscape|inventory|bundles|signatures|identification|planner|orchestrator|incidents|verification|access|reports|queries|risk)/',
      },
      to: { path: CAPABILITIES, pathNot: '^controller/$1/' },
    },
    {
      name: 'capabilities-do-not-know-their-callers',
      comment: 'A capability is called by api, link, loops and cli; it reaches the outside through its ports.',
      severity: 'error',
      from: { path: CAPABILITIES },
      to: { path: '^controller/(api|link|loops|cli|client|web)/|^controller/main\\.ts$' },
    },
    {
      name: 'the-forecast-stands-above',
      comment:
        'It plays what the orchestrator decides, so it may call that; what decides must not know its own forecast.',
      severity: 'error',
      from: { path: CAPABILITIES },
      to: { path: '^controller/forecast/' },
    },
    {
      name: 'the-forecast-plays-decisions-only',
      comment: 'It is pure: of the orchestrator it needs what is pure, and nothing else of the controller.',
      severity: 'error',
      from: { path: '^controller/forecast/', pathNot: '\\.test\\.ts$' },
      to: { path: '^controller/(?!forecast/|orchestrator/(decide|plan-index|snapshot)\\.ts$)' },
    },
    {
      name: 'capabilities-reach-the-store-through-ports',
      comment: 'The store implements the ports of the capabilities, so the arrow points from the store to them.',
      severity: 'error',
      from: { path: CAPABILITIES, pathNot: '\\.test\\.ts$' },
      to: { path: '^controller/store/' },
    },
    {
      name: 'cli-speaks-http-only',
      comment: 'What the CLI can do, any other client can do: it uses the public API through controller/client.',
      severity: 'error',
      from: { path: '^controller/cli/', pathNot: '^controller/cli/(main|commands/controller)\\.ts$' },
      to: { path: '^controller/(?!cli/|client/|api/contract|node_modules/)' },
    },
    {
      name: 'the-console-speaks-http-only',
      comment:
        'It runs in a browser: of the controller it takes the types of what is asked and answered, and of shared/ those in them.',
      severity: 'error',
      from: { path: '^controller/web/' },
      to: {
        path: '^(agent|test|installers)/|^controller/(?!web/|api/contract/)|^(node:)?(fs|net|http|child_process|crypto)$',
      },
    },
    {
      name: 'nobody-needs-the-console',
      comment: 'The controller serves its built files and knows nothing of what is in them.',
      severity: 'error',
      from: { path: '^(agent|shared|controller)/', pathNot: '^controller/web/' },
      to: { path: '^controller/web/' },
    },
    {
      name: 'the-executor-has-no-network',
      comment:
        'The part that runs as root takes no bytes from the network: it gets messages from the link and verifies them.',
      severity: 'error',
      from: { path: '^agent/executor/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(node:)?(net|http|http2|https|tls|dgram)$|^agent/link/|node_modules/@grpc' },
    },
    {
      name: 'the-link-runs-nothing',
      comment: 'The part that talks to the network starts no process and knows no step.',
      severity: 'error',
      from: { path: '^agent/link/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(node:)?child_process$|^agent/(executor|steps|platform)/' },
    },
    {
      name: 'product-code-knows-no-tests',
      comment: 'What ships must not need what tests it.',
      severity: 'error',
      from: { path: '^(agent|controller|shared)/', pathNot: '/testing/|\\.test\\.ts$' },
      to: { path: '^test/|/testing/|\\.test\\.ts$' },
    },
    {
      name: 'no-cycles',
      comment: 'A cycle has no order in which it can be read.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|gen)/' },
    tsPreCompilationDeps: true,
    // The native TypeScript compiler has no API that the default parser could use.
    parser: 'swc',
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.mjs'],
    },
  },
};
