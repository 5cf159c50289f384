"""The longest names there may be, none with a space or hyphen that a line may break at, and words of other scripts."""


def long(start: str, length: int) -> str:
    """A word of this length."""
    return (start + "_for_german_and_swiss_roads_resnet50_night_and_rain" * 10)[:length]


TEAM, PROJECT = long("perception", 64), long("road_signs", 128)
MODEL, DATASET = long("sign_detector", 128), long("sign_photos", 128)
COLLECTION = long("shortlist", 128)
PERSON, RUN = long("ottilie", 64), long("train", 128)
FOLDER, FILE = long("photos", 120), f"{long('notes', 120)}.txt"
BUCKET, REFERENCES, REFERENCE = "a" * 63, long("elsewhere", 100), f"{long('elsewhere', 120)}.parquet"
PROTECTED, PROPOSED = long("production", 100), long("approved", 100)
