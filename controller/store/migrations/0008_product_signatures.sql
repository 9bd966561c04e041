CREATE TABLE "attestations" (
	"signature" integer NOT NULL,
	"tier" text NOT NULL,
	"by" text NOT NULL,
	"via" text NOT NULL,
	"evidence" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "attestations_signature_tier_by_via_pk" PRIMARY KEY("signature","tier","by","via")
);
--> statement-breakpoint
CREATE TABLE "content_owners" (
	"key" bigint NOT NULL,
	"list" integer NOT NULL,
	CONSTRAINT "content_owners_key_list_pk" PRIMARY KEY("key","list")
);
--> statement-breakpoint
CREATE TABLE "file_lists" (
	"id" serial PRIMARY KEY NOT NULL,
	"digest" "bytea" NOT NULL,
	"files" integer NOT NULL,
	"installed_bytes" bigint NOT NULL,
	"data" "bytea" NOT NULL,
	CONSTRAINT "file_lists_digest_unique" UNIQUE("digest")
);
--> statement-breakpoint
CREATE TABLE "path_owners" (
	"key" bigint NOT NULL,
	"list" integer NOT NULL,
	CONSTRAINT "path_owners_key_list_pk" PRIMARY KEY("key","list")
);
--> statement-breakpoint
CREATE TABLE "product_signatures" (
	"id" serial PRIMARY KEY NOT NULL,
	"product" text NOT NULL,
	"version" text NOT NULL,
	"architecture" text NOT NULL,
	"source" text NOT NULL,
	"vendor" text,
	"package_digest" text NOT NULL,
	"package_bytes" bigint NOT NULL,
	"list" integer NOT NULL,
	"imported_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "vendor_keys" (
	"fingerprint" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"tier" text NOT NULL,
	"armored" text NOT NULL,
	"added_by" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "attestations" ADD CONSTRAINT "attestations_signature_product_signatures_id_fk" FOREIGN KEY ("signature") REFERENCES "public"."product_signatures"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "content_owners" ADD CONSTRAINT "content_owners_list_file_lists_id_fk" FOREIGN KEY ("list") REFERENCES "public"."file_lists"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "path_owners" ADD CONSTRAINT "path_owners_list_file_lists_id_fk" FOREIGN KEY ("list") REFERENCES "public"."file_lists"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "product_signatures" ADD CONSTRAINT "product_signatures_list_file_lists_id_fk" FOREIGN KEY ("list") REFERENCES "public"."file_lists"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "product_signatures_identity" ON "product_signatures" USING btree ("product","version","architecture","source","package_digest","list");--> statement-breakpoint
CREATE INDEX "product_signatures_list" ON "product_signatures" USING btree ("list");