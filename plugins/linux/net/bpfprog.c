/* bpfprog.c - what a BPF program is called. */
#include "bpfprog.h"

EG_FIELD_AS(prog_aux_at, bpf_prog, "aux");
EG_FIELD_AS(prog_tag_at, bpf_prog, "tag");
EG_FIELD_AS(prog_id, bpf_prog_aux, "id");
EG_FIELD_AS(prog_name, bpf_prog_aux, "name");
EG_TYPE(bpf_prog);

void linux_bpfprog(struct eg_run *r, uint64_t at, struct linux_bpfprog *out)
{
    struct eg_obj p = eg_object(r, bpf_prog, at), tag;
    const char *name;
    uint8_t bytes[8];
    uint32_t id;

    *out = (struct linux_bpfprog){ .text = NULL };
    if (!at)
        return;
    out->id = eg_val(p, prog_aux_at, prog_id);
    name = eg_string(r, eg_at(p, prog_aux_at, prog_name), 16);
    out->name = name && *name ? eg_text(name) : (struct eg_cell){ 0 };
    tag = eg_at(p, prog_tag_at);
    if (!tag.why && eg_read(tag.view, tag.space, tag.addr, bytes, sizeof bytes))
        out->tag = eg_text(eg_strf(r, "%02x%02x%02x%02x%02x%02x%02x%02x", bytes[0], bytes[1],
                                   bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]));
    if (eg_get(&id, p, prog_aux_at, prog_id))
        out->text =
            eg_strf(r, "BPF program %u%s%s", id, name && *name ? " " : "", name ? name : "");
}
