import { Button } from '@patternfly/react-core';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useMay } from '../api/session.ts';
import { useAsk, useDo } from '../api/use-ask.ts';
import { Asked, Command, Failure, Moment, Screen, Section, Table } from '../parts/parts.tsx';
import { Status } from '../parts/status.tsx';
import { standing } from './hosts.tsx';

const route = getRouteApi('/hosts/$host');

/** One host: what it is part of, what is on it, and what it has told. */
export function HostScreen(): ReactNode {
  const { host: name } = route.useParams();
  const query = useAsk('getHost', '/hosts/:name', { params: { name } }, ['hosts', 'audit']);
  const may = useMay('operator');
  const scan = useDo<'scanHost'>('POST', '/hosts/:name/scans');
  return (
    <Screen
      title={`Host ${name}`}
      side={
        <>
          <Link to="/drift" search={{ a: name }}>
            drift
          </Link>
          {may ? (
            <Button
              variant="secondary"
              isLoading={scan.isPending}
              onClick={() => scan.mutate({ params: { name }, body: {} })}
            >
              Scan now
            </Button>
          ) : null}
        </>
      }
    >
      <Failure error={scan.error} what="It was not scanned" />
      {scan.data ? <p role="status">A scan was asked for: it is below when it is there.</p> : null}
      <Asked query={query} what={`host ${name}`}>
        {host => (
          <>
            <dl className="tm-facts">
              {(
                [
                  ['State', <Status key="s" of={standing(host)} />],
                  ['Application', host.application ?? '–'],
                  ['Environment', host.environment ?? '–'],
                  ['Clusters', host.clusters.join(', ') || '–'],
                  ['Components', host.components.join(', ') || '–'],
                  ['Tags', host.tags.join(', ') || '–'],
                  ['Agent', host.agentVersion ?? '–'],
                  ['Last seen', <Moment key="m" at={host.lastSeenAt} />],
                ] as const
              ).map(([title, value]) => (
                <div key={title}>
                  <dt>{title}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
            <Versions host={name} />
            <Fingerprints host={name} />
            <Section title="Facts">
              {host.facts === null ? (
                <p className="tm-none">It has told nothing yet.</p>
              ) : (
                <>
                  <p className="tm-small">
                    as observed <Moment at={host.factsObservedAt} />
                  </p>
                  {Object.entries(host.facts).map(([key, value]) => (
                    <details key={key} className="tm-fact">
                      <summary>{key}</summary>
                      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard */}
                      <pre tabIndex={0}>{JSON.stringify(value, null, 2)}</pre>
                    </details>
                  ))}
                </>
              )}
            </Section>
            <Command text={`tidemark describe host ${name}`} />
          </>
        )}
      </Asked>
    </Screen>
  );
}

function Versions({ host }: { host: string }) {
  const query = useAsk('identifyHost', '/identify/:name', { params: { name: host } }, ['audit']);
  return (
    <Section title="Versions, by their files">
      <Asked query={query} what="its versions">
        {({ products }) =>
          products.length === 0 ? (
            <p className="tm-none">No product that is known file by file was found on it.</p>
          ) : (
            <Table
              label="Versions"
              rows={products}
              keyOf={({ product }) => product}
              columns={[
                { name: 'Product', cell: ({ product }) => product },
                { name: 'Version', cell: ({ versions }) => versions.join(' or ') || 'none that is known' },
                {
                  name: 'Complete',
                  cell: ({ complete }) => (
                    <Status of={complete ? 'succeeded' : 'differs'} text={complete ? 'complete' : 'in part'} />
                  ),
                },
              ]}
            />
          )
        }
      </Asked>
    </Section>
  );
}

function Fingerprints({ host }: { host: string }) {
  const query = useAsk('listFingerprints', '/hosts/:name/fingerprints', { params: { name: host } }, ['audit'], {
    everyMs: 10_000,
  });
  return (
    <Section title="Fingerprints">
      <Asked query={query} what="its fingerprints">
        {({ fingerprints }) =>
          fingerprints.length === 0 ? (
            <p className="tm-none">It has not been scanned yet.</p>
          ) : (
            <Table
              label="Fingerprints"
              rows={fingerprints.slice(0, 20)}
              keyOf={({ id }) => id}
              columns={[
                { name: 'Scanned', cell: ({ finishedAt }) => <Moment at={finishedAt} /> },
                { name: 'Profile', cell: ({ profile }) => profile },
                { name: 'Software', cell: ({ softwareRoot }) => <code>{softwareRoot.slice(0, 20)}</code> },
                { name: 'Config', cell: ({ configRoot }) => <code>{configRoot.slice(0, 20)}</code> },
              ]}
            />
          )
        }
      </Asked>
    </Section>
  );
}
