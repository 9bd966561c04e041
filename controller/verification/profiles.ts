import { err, ok, type Result } from '@tidemark/shared/base/result.ts';
import { profileDigest, profileLabel, type ScanProfile } from '@tidemark/shared/fingerprint/profile.ts';
import { BUILT_IN_PROFILES } from '@tidemark/shared/fingerprint/profiles.ts';
import { type Envelope, parseEnvelope } from '@tidemark/shared/signing/dsse.ts';
import { verifyScanProfile } from '@tidemark/shared/signing/scan-profile.ts';
import type { TrustRoot } from '@tidemark/shared/signing/trust-root.ts';
import type { VerificationError } from './errors.ts';
import type { ProfileStore, SignedProfile } from './ports.ts';

type Answer<T> = Promise<Result<T, VerificationError>>;

/** A profile that scans can be under, and why hosts take it. */
export interface KnownProfile {
  profile: ScanProfile;
  digest: string;
  /** Came with the agent, or was signed. */
  source: 'built-in' | 'signed';
  signedBy: string[];
  /** Why hosts will not take it; null where they will. */
  problem: string | null;
}

/** What a host is asked to scan under. */
export interface ChosenProfile {
  profile: ScanProfile;
  /** The signed statement as text; null where nobody signed it. */
  envelope: string | null;
}

export interface Profiles {
  profiles(): Promise<KnownProfile[]>;
  /** Somebody has signed a profile: scans that no plan carries run under it. */
  keepProfile(input: { envelope: Envelope; by: string }): Answer<KnownProfile>;
  removeProfile(input: { name: string; version: number; by: string }): Answer<null>;
}

export interface ProfileDependencies {
  store: ProfileStore;
  trustRoot: () => Promise<TrustRoot | null>;
}

/** Scan profiles: those that came with Tidemark, and those that people signed. Hosts decide by themselves which they take. */
export function createProfiles({ store, trustRoot }: ProfileDependencies) {
  const known = async (signed: SignedProfile): Promise<KnownProfile> => {
    const verified = readSigned(signed.envelope, await trustRoot());
    const { profile, digest } = signed;
    if (!verified.ok) return { profile, digest, source: 'signed', signedBy: [], problem: verified.error };
    return { profile, digest, source: 'signed', signedBy: verified.value.signedBy, problem: null };
  };

  const profiles: Profiles = {
    profiles: async () => {
      const builtIn = BUILT_IN_PROFILES.map((profile): KnownProfile => {
        const digest = profileDigest(profile);
        return { profile, digest, source: 'built-in', signedBy: [], problem: null };
      });
      return [...builtIn, ...(await Promise.all((await store.signedProfiles()).map(known)))];
    },

    keepProfile: async ({ envelope, by }) => {
      const root = await trustRoot();
      const verified = root ? verifyScanProfile(envelope, root) : err('the fleet has no trust root');
      if (!verified.ok) return err({ code: 'bad-profile', message: `the profile does not count: ${verified.error}` });
      const { profile } = verified.value;
      if (BUILT_IN_PROFILES.some(({ name }) => name === profile.name)) {
        const message = `${profile.name} is the name of a profile that came with Tidemark: give yours another one`;
        return err({ code: 'profile-exists', message });
      }
      const added = { profile, digest: profileDigest(profile), envelope: JSON.stringify(envelope), createdBy: by };
      if (!(await store.addProfile(added))) {
        const message = `${profileLabel(profile)} is signed with another content: what is looked at has changed, so give it the next version`;
        return err({ code: 'profile-exists', message });
      }
      return ok(await known({ ...added, createdAt: 0 }));
    },

    removeProfile: async ({ name, version, by }) =>
      (await store.removeProfile(name, version, by)) ? ok(null) : err(unknownProfile(`${name}@${version}`)),
  };

  /** `linux-server`, `ours` (its newest version) or `ours@2`. */
  const named = async (text: string): Answer<ChosenProfile> => {
    const [name = '', version] = text.split('@');
    const builtIn = BUILT_IN_PROFILES.find(
      one => one.name === name && (version ?? `${one.version}`) === `${one.version}`,
    );
    if (builtIn) return ok({ profile: builtIn, envelope: null });
    const signed = await store.signedProfiles();
    const found = signed.find(
      ({ profile }) => profile.name === name && (version === undefined || version === `${profile.version}`),
    );
    return found ? ok(found) : err(unknownProfile(text));
  };

  /** With the signature under it, where there is one. */
  const withSignature = async (profile: ScanProfile): Promise<ChosenProfile> => ({
    profile,
    envelope: (await store.signedProfile(profileDigest(profile)))?.envelope ?? null,
  });

  return { profiles, named, withSignature };
}

const unknownProfile = (name: string): VerificationError => ({
  code: 'unknown-profile',
  message: `there is no scan profile ${name}: "tidemark profile list" shows those there are`,
});

function readSigned(text: string, root: TrustRoot | null): ReturnType<typeof verifyScanProfile> {
  if (!root) return err('the fleet has no trust root that says whose signature counts');
  const envelope = parseEnvelope(Buffer.from(text, 'utf8'));
  return envelope.ok ? verifyScanProfile(envelope.value, root) : envelope;
}
