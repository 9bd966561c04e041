CREATE TABLE "unfinished_nodes" (
	"id" "bytea" PRIMARY KEY NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "fingerprints" ADD COLUMN "scan" text NOT NULL;--> statement-breakpoint
ALTER TABLE "observations" ADD COLUMN "scan" text;--> statement-breakpoint
ALTER TABLE "unfinished_nodes" ADD CONSTRAINT "unfinished_nodes_id_nodes_id_fk" FOREIGN KEY ("id") REFERENCES "public"."nodes"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "fingerprints_scan" ON "fingerprints" USING btree ("host_id","scan");