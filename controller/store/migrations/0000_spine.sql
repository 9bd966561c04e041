CREATE TABLE "api_tokens" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"role" text NOT NULL,
	"expires_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "api_tokens_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "approvals" (
	"plan" text NOT NULL,
	"approver" text NOT NULL,
	"envelope" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "approvals_plan_approver_pk" PRIMARY KEY("plan","approver")
);
--> statement-breakpoint
CREATE TABLE "artifacts" (
	"digest" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"bytes" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit" (
	"id" bigint PRIMARY KEY NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"subject" text NOT NULL,
	"detail" text NOT NULL,
	"previous" "bytea" NOT NULL,
	"hash" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "bundles" (
	"name" text PRIMARY KEY NOT NULL,
	"digest" text NOT NULL,
	"document" jsonb NOT NULL,
	"ring" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "certificates" (
	"serial" text PRIMARY KEY NOT NULL,
	"host_id" uuid NOT NULL,
	"public_key_hash" "bytea" NOT NULL,
	"not_after" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "enrolment_tokens" (
	"id" text PRIMARY KEY NOT NULL,
	"secret_hash" "bytea" NOT NULL,
	"host_name" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"used_by_key" "bytea",
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "facts" (
	"host_id" uuid PRIMARY KEY NOT NULL,
	"facts" jsonb NOT NULL,
	"observed_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "fingerprints" (
	"id" uuid PRIMARY KEY NOT NULL,
	"host_id" uuid NOT NULL,
	"profile" jsonb NOT NULL,
	"profile_digest" text NOT NULL,
	"software_root" "bytea" NOT NULL,
	"config_root" "bytea" NOT NULL,
	"coverage" jsonb NOT NULL,
	"started_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "hosts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"state" text DEFAULT 'enrolled' NOT NULL,
	"agent_version" text,
	"boot_id" text,
	"last_seen_at" timestamp with time zone,
	"connected" boolean DEFAULT false NOT NULL,
	"acknowledged" bigint DEFAULT 0 NOT NULL,
	"dispatch_sequence" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "hosts_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "incidents" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"run" text,
	"host_id" uuid,
	"key" text NOT NULL,
	"title" text NOT NULL,
	"detail" text NOT NULL,
	"state" text DEFAULT 'open' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"resolved_at" timestamp with time zone,
	CONSTRAINT "incidents_key_unique" UNIQUE("key")
);
--> statement-breakpoint
CREATE TABLE "landscapes" (
	"version" integer PRIMARY KEY NOT NULL,
	"digest" text NOT NULL,
	"document" jsonb NOT NULL,
	"imported_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "leases" (
	"name" text PRIMARY KEY NOT NULL,
	"holder" text NOT NULL,
	"epoch" bigint NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "nodes" (
	"id" "bytea" PRIMARY KEY NOT NULL,
	"data" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "observations" (
	"id" uuid PRIMARY KEY NOT NULL,
	"host_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"state" text DEFAULT 'asked' NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"fingerprint" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "outbox" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"host_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"payload" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"sent_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "plan_orders" (
	"plan" text NOT NULL,
	"host_id" uuid NOT NULL,
	"digest" text NOT NULL,
	"document" text NOT NULL,
	"leaf_index" integer NOT NULL,
	"leaf_count" integer NOT NULL,
	"path" "bytea" NOT NULL,
	CONSTRAINT "plan_orders_plan_host_id_pk" PRIMARY KEY("plan","host_id")
);
--> statement-breakpoint
CREATE TABLE "plans" (
	"digest" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"author" text NOT NULL,
	"header" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "run_events" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"run" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"host" text,
	"job" text,
	"step" text,
	"event" text NOT NULL,
	"attempt" integer,
	"direction" text,
	"message" text DEFAULT '' NOT NULL
);
--> statement-breakpoint
CREATE TABLE "run_hosts" (
	"run" text NOT NULL,
	"host_id" uuid NOT NULL,
	"host_name" text NOT NULL,
	"order_digest" text NOT NULL,
	"frontier" integer DEFAULT 0 NOT NULL,
	"direction" text DEFAULT 'forward' NOT NULL,
	"accepted_at" timestamp with time zone,
	"refusal" text,
	"held_because" text,
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	CONSTRAINT "run_hosts_run_host_id_pk" PRIMARY KEY("run","host_id"),
	CONSTRAINT "run_hosts_order_digest_unique" UNIQUE("order_digest")
);
--> statement-breakpoint
CREATE TABLE "run_jobs" (
	"run" text NOT NULL,
	"host_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"direction" text NOT NULL,
	"job" text NOT NULL,
	"state" text NOT NULL,
	"attempt" integer DEFAULT 0 NOT NULL,
	"message" text DEFAULT '' NOT NULL,
	"facts" jsonb,
	"output_head" "bytea",
	"output_tail" "bytea",
	"output_size" bigint,
	"output_digest" "bytea",
	"started_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	CONSTRAINT "run_jobs_run_host_id_position_direction_pk" PRIMARY KEY("run","host_id","position","direction")
);
--> statement-breakpoint
CREATE TABLE "run_waves" (
	"run" text NOT NULL,
	"wave" text NOT NULL,
	"opened_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	CONSTRAINT "run_waves_run_wave_pk" PRIMARY KEY("run","wave")
);
--> statement-breakpoint
CREATE TABLE "runs" (
	"id" text PRIMARY KEY NOT NULL,
	"number" bigserial NOT NULL,
	"plan" text NOT NULL,
	"state" text NOT NULL,
	"reason" text DEFAULT '' NOT NULL,
	"started_by" text NOT NULL,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "signature_files" (
	"signature" uuid NOT NULL,
	"path" "bytea" NOT NULL,
	"kind" text NOT NULL,
	"digest" "bytea" NOT NULL,
	"size" bigint NOT NULL,
	"executable" boolean NOT NULL,
	CONSTRAINT "signature_files_signature_path_pk" PRIMARY KEY("signature","path")
);
--> statement-breakpoint
CREATE TABLE "signatures" (
	"id" uuid PRIMARY KEY NOT NULL,
	"product" text NOT NULL,
	"version" text NOT NULL,
	"artifact" text NOT NULL,
	"tier" text NOT NULL,
	"unpacked_bytes" bigint NOT NULL,
	"file_count" integer NOT NULL,
	"imported_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "trust_roots" (
	"version" integer PRIMARY KEY NOT NULL,
	"envelope" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "approvals" ADD CONSTRAINT "approvals_plan_plans_digest_fk" FOREIGN KEY ("plan") REFERENCES "public"."plans"("digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "certificates" ADD CONSTRAINT "certificates_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "facts" ADD CONSTRAINT "facts_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fingerprints" ADD CONSTRAINT "fingerprints_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incidents" ADD CONSTRAINT "incidents_run_runs_id_fk" FOREIGN KEY ("run") REFERENCES "public"."runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "incidents" ADD CONSTRAINT "incidents_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "observations" ADD CONSTRAINT "observations_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "plan_orders" ADD CONSTRAINT "plan_orders_plan_plans_digest_fk" FOREIGN KEY ("plan") REFERENCES "public"."plans"("digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_events" ADD CONSTRAINT "run_events_run_runs_id_fk" FOREIGN KEY ("run") REFERENCES "public"."runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_hosts" ADD CONSTRAINT "run_hosts_run_runs_id_fk" FOREIGN KEY ("run") REFERENCES "public"."runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_hosts" ADD CONSTRAINT "run_hosts_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_jobs" ADD CONSTRAINT "run_jobs_run_runs_id_fk" FOREIGN KEY ("run") REFERENCES "public"."runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_jobs" ADD CONSTRAINT "run_jobs_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "run_waves" ADD CONSTRAINT "run_waves_run_runs_id_fk" FOREIGN KEY ("run") REFERENCES "public"."runs"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "runs" ADD CONSTRAINT "runs_plan_plans_digest_fk" FOREIGN KEY ("plan") REFERENCES "public"."plans"("digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "signature_files" ADD CONSTRAINT "signature_files_signature_signatures_id_fk" FOREIGN KEY ("signature") REFERENCES "public"."signatures"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "signatures" ADD CONSTRAINT "signatures_artifact_artifacts_digest_fk" FOREIGN KEY ("artifact") REFERENCES "public"."artifacts"("digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "certificates_host" ON "certificates" USING btree ("host_id");--> statement-breakpoint
CREATE INDEX "fingerprints_host" ON "fingerprints" USING btree ("host_id","created_at");--> statement-breakpoint
CREATE INDEX "incidents_run" ON "incidents" USING btree ("run");--> statement-breakpoint
CREATE INDEX "outbox_due" ON "outbox" USING btree ("host_id","id") WHERE sent_at is null;--> statement-breakpoint
CREATE UNIQUE INDEX "plan_orders_digest" ON "plan_orders" USING btree ("digest");--> statement-breakpoint
CREATE INDEX "run_events_run" ON "run_events" USING btree ("run","id");--> statement-breakpoint
CREATE UNIQUE INDEX "runs_plan" ON "runs" USING btree ("plan");--> statement-breakpoint
CREATE INDEX "signature_files_digest" ON "signature_files" USING btree ("digest");--> statement-breakpoint
CREATE UNIQUE INDEX "signatures_release" ON "signatures" USING btree ("product","version");