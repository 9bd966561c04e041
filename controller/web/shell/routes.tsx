import { lazyRouteComponent } from '@tanstack/react-router';
import { Nothing, Screen } from '../parts/parts.tsx';
import { IncidentsScreen } from '../screens/incidents.tsx';
import { RunScreen, RunsScreen } from '../screens/run.tsx';
import { Tonight } from '../screens/tonight.tsx';
import { Layout } from './layout.tsx';
import * as tree from './tree.ts';

/** Puts the screens to their addresses. What is looked at in a night comes with the page; the rest when it is wanted. */
export function placeScreens(): void {
  tree.root.update({ component: Layout, notFoundComponent: Nowhere });
  tree.tonight.update({ component: Tonight });
  tree.runs.update({ component: RunsScreen });
  tree.run.update({ component: RunScreen });
  tree.incidents.update({ component: IncidentsScreen });
  tree.plans.update({ component: lazyRouteComponent(() => import('../screens/plans.tsx'), 'PlansScreen') });
  tree.plan.update({ component: lazyRouteComponent(() => import('../screens/plan.tsx'), 'PlanScreen') });
  tree.drift.update({ component: lazyRouteComponent(() => import('../screens/drift.tsx'), 'DriftScreen') });
  tree.promotion.update({ component: lazyRouteComponent(() => import('../screens/promotion.tsx'), 'PromotionScreen') });
  tree.hosts.update({ component: lazyRouteComponent(() => import('../screens/hosts.tsx'), 'HostsScreen') });
  tree.host.update({ component: lazyRouteComponent(() => import('../screens/host.tsx'), 'HostScreen') });
  tree.administration.update({
    component: lazyRouteComponent(() => import('../screens/administration.tsx'), 'AdministrationScreen'),
  });
}

const Nowhere = () => (
  <Screen title="Nothing is here">
    <Nothing title="This address leads nowhere">The screens are in the list beside this.</Nothing>
  </Screen>
);
