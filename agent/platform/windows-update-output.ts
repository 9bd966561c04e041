import { z } from 'zod';

/*
 * The Windows Update Agent, by its COM interface from PowerShell (learn.microsoft.com, "Windows Update Agent API"). The scripts
 * are ours and print JSON, so that nothing is read that Windows translates; they have not been run on a Windows.
 */

/** `OperationResultCode`. */
export const RESULT = { succeeded: 2, succeededWithErrors: 3 } as const;

const Update = z.object({
  /** `5034441`, without KB; several articles of one update are joined. */
  kb: z.string(),
  id: z.string(),
  revision: z.number().int(),
  title: z.string(),
  bytes: z.number(),
  installed: z.boolean(),
  hidden: z.boolean(),
});
export type WindowsUpdate = z.infer<typeof Update>;

const Result = z.object({
  code: z.number().int(),
  reboot: z.boolean(),
  each: z.array(z.object({ kb: z.string(), code: z.number().int(), hresult: z.number().int() })),
});
export type WindowsUpdateResult = z.infer<typeof Result>;

/** What {@link searchScript} prints; null where it is something else. PowerShell writes one alone as no list. */
export function parseSearch(text: string): WindowsUpdate[] | null {
  const parsed = z.union([z.array(Update), Update.transform(one => [one])]).safeParse(json(text) ?? []);
  return parsed.success ? parsed.data : null;
}

/** What {@link installScript} prints. */
export function parseInstall(text: string): WindowsUpdateResult | null {
  const parsed = Result.safeParse(json(text));
  return parsed.success ? parsed.data : null;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

const SESSION = "$ErrorActionPreference = 'Stop'; $s = New-Object -ComObject Microsoft.Update.Session; ";

/** Updates of software, installed or offered. Windows asks the source that its own policy names (WSUS, or Microsoft). */
export const searchScript = (): string =>
  `${SESSION}$r = $s.CreateUpdateSearcher().Search("Type='Software'"); ` +
  '$r.Updates | ForEach-Object { [pscustomobject]@{ kb = (@($_.KBArticleIDs) -join "+"); id = $_.Identity.UpdateID; ' +
  'revision = $_.Identity.RevisionNumber; title = $_.Title; bytes = [long]$_.MaxDownloadSize; installed = $_.IsInstalled; ' +
  'hidden = $_.IsHidden } } | ConvertTo-Json -Compress';

/** Names and revisions are digits, and ids hexadecimal: nothing else gets into a script. */
const KB = /^\d{4,10}(\+\d{4,10})*$/;

/** Downloads these, and installs them unless `only` says otherwise. Throws where what it gets is no number of an article. */
export function installScript(kbs: readonly string[], only: 'download' | 'install'): string {
  const bad = kbs.find(kb => !KB.test(kb));
  if (bad !== undefined) throw new Error(`${JSON.stringify(bad)} is no number of an update`);
  const wanted = kbs.map(kb => `'${kb}'`).join(',');
  const act = only === 'download' ? '$d = $s.CreateUpdateDownloader(); $d.Updates = $c; $o = $d.Download(); ' : '';
  const install =
    '$d = $s.CreateUpdateDownloader(); $d.Updates = $c; [void]$d.Download(); ' +
    '$i = $s.CreateUpdateInstaller(); $i.Updates = $c; $o = $i.Install(); ';
  return (
    `${SESSION}$w = @(${wanted}); $c = New-Object -ComObject Microsoft.Update.UpdateColl; ` +
    `$s.CreateUpdateSearcher().Search("IsInstalled=0 and Type='Software'").Updates | ` +
    'Where-Object { $w -contains (@($_.KBArticleIDs) -join "+") } | ForEach-Object { if (-not $_.EulaAccepted) ' +
    `{ $_.AcceptEula() }; [void]$c.Add($_) }; ${only === 'download' ? act : install}` +
    '$e = for ($n = 0; $n -lt $c.Count; $n++) { $u = $o.GetUpdateResult($n); [pscustomobject]@{ ' +
    'kb = (@($c.Item($n).KBArticleIDs) -join "+"); code = [int]$u.ResultCode; hresult = $u.HResult } }; ' +
    `[pscustomobject]@{ code = [int]$o.ResultCode; reboot = ${only === 'download' ? '$false' : '[bool]$o.RebootRequired'}; ` +
    'each = @($e) } | ConvertTo-Json -Compress -Depth 4'
  );
}
