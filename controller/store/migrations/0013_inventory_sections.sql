CREATE TABLE "host_sections" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"host_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"digest" "bytea" NOT NULL,
	"since" timestamp with time zone NOT NULL,
	"until" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "inventories" (
	"host_id" uuid PRIMARY KEY NOT NULL,
	"root" "bytea" NOT NULL,
	"observed_at" timestamp with time zone NOT NULL,
	"changed_at" timestamp with time zone NOT NULL,
	"refused" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sections" (
	"digest" "bytea" PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"content" jsonb NOT NULL
);
--> statement-breakpoint
ALTER TABLE "host_sections" ADD CONSTRAINT "host_sections_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "host_sections" ADD CONSTRAINT "host_sections_digest_sections_digest_fk" FOREIGN KEY ("digest") REFERENCES "public"."sections"("digest") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "inventories" ADD CONSTRAINT "inventories_host_id_hosts_id_fk" FOREIGN KEY ("host_id") REFERENCES "public"."hosts"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "host_sections_current" ON "host_sections" USING btree ("host_id","kind") WHERE "host_sections"."until" is null;--> statement-breakpoint
CREATE INDEX "host_sections_kind" ON "host_sections" USING btree ("kind","digest") WHERE "host_sections"."until" is null;--> statement-breakpoint
CREATE INDEX "host_sections_history" ON "host_sections" USING btree ("host_id","since");--> statement-breakpoint
CREATE INDEX "host_sections_digest" ON "host_sections" USING btree ("digest");--> statement-breakpoint
CREATE INDEX "host_sections_until" ON "host_sections" USING btree ("until") WHERE "host_sections"."until" is not null;--> statement-breakpoint
CREATE INDEX "inventories_changed" ON "inventories" USING btree ("changed_at");--> statement-breakpoint
DROP TABLE "facts" CASCADE;