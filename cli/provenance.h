/** provenance.h - the file beside what a plugin wrote into the folder of -o: what json says of a
 * result and other formats have no place for, and the SHA-256 of each file. */
#ifndef EG_CLI_PROVENANCE_H
#define EG_CLI_PROVENANCE_H

#include "../core/registry.h"
#include "../core/table.h"

struct cli_written {
    struct eg_arena *arena; /**< of paths and digests; used by this thread only */
    const char *folder;     /**< of -o */
    const char *table;      /**< path of the file of rows; NULL: they were printed */
    const struct eg_result_head *head;
};

/** TABLE.provenance.json, or FOLDER/PLUGIN.provenance.json without a table. NULL: out of memory. */
const char *cli_provenance_path(const struct cli_written *w);
/** Write it. The files of @w and @r are complete. */
int cli_write_provenance(const struct cli_written *w, const struct eg_provenance *from,
                         const struct eg_run_result *r, bool replace, struct eg_error *e);

#endif
