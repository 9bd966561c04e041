CREATE TABLE "directory_summaries" (
	"key" "bytea" PRIMARY KEY NOT NULL,
	"software" "bytea",
	"config" "bytea",
	"stamp" bigint NOT NULL,
	"data" "bytea" NOT NULL
);
--> statement-breakpoint
ALTER TABLE "directory_summaries" ADD CONSTRAINT "directory_summaries_software_nodes_id_fk" FOREIGN KEY ("software") REFERENCES "public"."nodes"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "directory_summaries" ADD CONSTRAINT "directory_summaries_config_nodes_id_fk" FOREIGN KEY ("config") REFERENCES "public"."nodes"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "directory_summaries_software" ON "directory_summaries" USING btree ("software");--> statement-breakpoint
CREATE INDEX "directory_summaries_config" ON "directory_summaries" USING btree ("config");