/** virtualbox_cpu.h - registers of the CPUs in VirtualBox's saved states. */
#ifndef EG_VIRTUALBOX_CPU_H
#define EG_VIRTUALBOX_CPU_H

#include "../core/image.h"
#include "virtualbox_ssm.h"

/** Read the CPUs of the unit "cpum", whose data begins at @s, into @img. */
void eg_virtualbox_cpus(struct eg_image *img, const struct eg_ssm *s);

#endif
