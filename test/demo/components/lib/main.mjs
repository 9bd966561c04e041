import { createApp } from './app.mjs';
import { createDatabase } from './db.mjs';
import { serve } from './http.mjs';
import * as release from './product.mjs';
import { ownPort } from './site.mjs';
import { createWeb } from './web.mjs';

const tiers = { web: createWeb, app: createApp, db: createDatabase };
serve(release.product, ownPort, await tiers[release.tier](release));
