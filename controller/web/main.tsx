import '@patternfly/react-core/dist/styles/base.css';
import './console.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { AskError } from './api/ask.ts';
import { askSession } from './api/session.ts';
import { applyTheme } from './parts/preferences.ts';
import { placeScreens } from './shell/routes.tsx';
import { router } from './shell/tree.ts';

/** What was read is kept so long after nobody looks at it any more, in milliseconds. */
const KEPT_MS = 60_000;

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // A stream says when something has changed; asking again because a window was clicked would say nothing new.
      refetchOnWindowFocus: false,
      staleTime: 0,
      gcTime: KEPT_MS,
      // Comparing 10,000 rows with those before takes longer than drawing the thirty in sight.
      structuralSharing: false,
      // What the controller has refused it refuses again.
      retry: (failures, error) =>
        failures < 2 && (!(error instanceof AskError) || error.status === 0 || error.status >= 500),
    },
  },
});

placeScreens();
applyTheme();
void askSession();

const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </StrictMode>,
  );
