// What a project's deployment files say, in one form for Cloud Build, Cloud Run, shell scripts and workflows that call gcloud,
// Docker, compose, Kubernetes, Fly and Render. Files of one platform are read in readers/.
import type { Place } from '../check.ts';

export type Platform = 'cloud-run' | 'docker' | 'compose' | 'kubernetes' | 'fly' | 'render';

/** A setting with the line that sets it. */
export type Setting<T> = { value: T; place: Place };

export type EnvSetting = {
  name: string;
  place: Place;
  /** Written in the file. */
  value?: string;
  /** Taken from a secret store, by name and version; null when the version is not pinned, or the store has none. */
  secret?: { name: string; version: string | null };
};

export type Probe = {
  kind: 'startup' | 'liveness' | 'readiness' | 'health';
  path: string | null;
  place: Place;
  seconds: { interval?: number; timeout?: number; start?: number };
  failures?: number;
};

/** One service, worker or job as one file deploys it. */
export type Deployment = {
  platform: Platform;
  name: string;
  /** `job` runs to an end, such as migrations. */
  role: 'service' | 'worker' | 'job';
  /** How it gets there: a definition that is applied, or a command with flags (which then can miss a flag). */
  form: 'definition' | 'command';
  /** Where it begins, and with which verb for commands (`run deploy`, `run jobs deploy`). */
  place: Place;
  verb?: string;
  /** The project that it goes to, as far as it is written: one pipeline may deploy to several. */
  project?: string;
  image?: Setting<string>;
  command?: Setting<string>;
  minInstances?: Setting<number>;
  maxInstances?: Setting<number>;
  concurrency?: Setting<number>;
  timeoutSeconds?: Setting<number>;
  cpu?: Setting<string>;
  memory?: Setting<string>;
  /** Cloud SQL instances that are mounted as sockets, or reached by a proxy beside the service. */
  sqlInstances?: Setting<string[]>;
  /** How it leaves into the private network, when it does. */
  vpc?: Setting<string>;
  serviceAccount?: Setting<string>;
  allowsAnybody?: Setting<boolean>;
  noTraffic?: Setting<boolean>;
  /** `--execute-now`: the job runs as soon as it is deployed. */
  executes?: Setting<boolean>;
  /** `--wait`, of a job's execution. */
  waits?: Setting<boolean>;
  /** Flags from a variable that cannot be followed: what seems to be missing may be set by them. */
  unseen?: Setting<string>;
  env: EnvSetting[];
  probes: Probe[];
};

/** A Dockerfile, as far as checks ask. */
export type Dockerfile = {
  path: string;
  /** Of the last stage. */
  from: Setting<string> | null;
  stages: number;
  user: Setting<string> | null;
  healthcheck: Probe | null;
  command: Setting<string> | null;
  /** Values of ENV and ARG in any stage. */
  env: EnvSetting[];
  /** Lines of RUN of the last stage, and COPY of all. */
  runs: Setting<string>[];
  copies: Setting<string>[];
};

/** A step of a pipeline in its order, with what it calls. */
export type Step = { pipeline: string; place: Place; id: string | null; text: string };

/** A file that deploys something and cannot be read: it may set what seems to be missing. */
type Unread = { file: string; why: string };

export type Deployments = {
  deployments: Deployment[];
  dockerfiles: Dockerfile[];
  steps: Step[];
  /** Values that several workloads share: Secret and ConfigMap of Kubernetes, groups of Render. */
  shared: EnvSetting[];
  unread: Unread[];
};
