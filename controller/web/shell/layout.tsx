import {
  Button,
  FormSelect,
  FormSelectOption,
  Masthead,
  MastheadContent,
  MastheadMain,
  Nav,
  NavItem,
  NavList,
  Page,
  PageSection,
  PageSidebar,
  PageSidebarBody,
  SkipToContent,
} from '@patternfly/react-core';
import { useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { type ReactNode, useEffect } from 'react';
import { followChanges, useLive } from '../api/changes.ts';
import { signOut, useSession } from '../api/session.ts';
import { useAsk } from '../api/use-ask.ts';
import { prefer, type Theme, usePreferences } from '../parts/preferences.ts';
import { Status } from '../parts/status.tsx';
import { Keys } from './keys.tsx';
import { SCREENS } from './screens.ts';
import { SignIn } from './sign-in.tsx';

const THEMES: Readonly<Record<Theme, string>> = {
  system: 'as the system',
  light: 'light',
  dark: 'dark',
  contrast: 'high contrast',
  'contrast-dark': 'high contrast, dark',
};

/** What is around every screen. */
export function Layout(): ReactNode {
  const session = useSession();
  // Once somebody was in, the screen stays where it is, also while it is asked again who they are.
  return (
    <>
      {session.state === 'asking' ? null : <Frame />}
      {session.state === 'out' ? <SignIn /> : null}
    </>
  );
}

function Frame() {
  const client = useQueryClient();
  const session = useSession();
  const signedIn = session.state === 'in';
  useEffect(() => (signedIn ? followChanges(client) : undefined), [client, signedIn]);
  return (
    <Page
      masthead={<Top />}
      sidebar={<Side />}
      skipToContent={<SkipToContent href="#tm-main">Skip to content</SkipToContent>}
      mainContainerId="tm-main"
      isContentFilled
    >
      <PageSection isFilled padding={{ default: 'noPadding' }}>
        <Outlet />
      </PageSection>
      <Keys />
    </Page>
  );
}

function Top() {
  const session = useSession();
  const { theme, utc } = usePreferences();
  const live = useLive();
  return (
    <Masthead>
      <MastheadMain>
        <Link to="/" className="tm-brand">
          <img src="/tidemark.svg" alt="" width="28" height="28" /> Tidemark
        </Link>
      </MastheadMain>
      <MastheadContent>
        <div className="tm-top">
          {session.state === 'in' ? <span>fleet {session.fleet}</span> : null}
          <Status of={live ? 'connected' : 'waiting'} text={live ? 'live' : 'not live'} />
          <Button variant="secondary" size="sm" onClick={() => prefer({ utc: !utc })} aria-pressed={utc}>
            {utc ? 'UTC' : 'local time'}
          </Button>
          <div className="tm-theme">
            <FormSelect aria-label="Colours" value={theme} onChange={(_, value) => prefer({ theme: value as Theme })}>
              {Object.entries(THEMES).map(([value, label]) => (
                <FormSelectOption key={value} value={value} label={label} />
              ))}
            </FormSelect>
          </div>
          {session.state === 'in' ? (
            <>
              <span>
                {session.name} ({session.role})
              </span>
              <Button variant="link" size="sm" onClick={() => void signOut()}>
                Sign out
              </Button>
            </>
          ) : null}
        </div>
      </MastheadContent>
    </Masthead>
  );
}

function Side() {
  const path = useRouterState({ select: state => state.location.pathname });
  const incidents = useAsk('listIncidents', '/incidents', { query: { state: 'open' } }, ['incidents', 'audit']);
  const open = incidents.data?.incidents.length ?? 0;
  return (
    <PageSidebar>
      <PageSidebarBody>
        <Nav aria-label="Screens">
          <NavList>
            {SCREENS.map(({ to, title }) => (
              <NavItem key={to} itemId={to} isActive={to === '/' ? path === '/' : path.startsWith(to)}>
                <Link to={to}>
                  {title}
                  {to === '/incidents' && open > 0 ? <span className="tm-badge"> {open} open</span> : null}
                </Link>
              </NavItem>
            ))}
          </NavList>
        </Nav>
      </PageSidebarBody>
    </PageSidebar>
  );
}
