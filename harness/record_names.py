"""What the hierarchies and records of `record_data` are called, for those who look at their pages: without Django."""

from harness.long_names import long

HIERARCHY, EMPTY_HIERARCHY = "ml-lineage", "documents"
CROWDED_HIERARCHY, PUBLIC_HIERARCHY = long("record_tree", 128), long("other_0", 128)
EXPERIMENT, TRAINING, PREDICTION = (f"01JZ{name:0>22}" for name in ("EXP", "TRN", "PRED"))
CROWDED_EXPERIMENT, CROWDED_TRAINING, CROWDED_PREDICTION = (f"01JZ{name:0>22}" for name in ("ZEXP", "ZTRN", "ZPRED"))
