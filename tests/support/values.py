"""Values that a chart may hold, for charts drawn at random: most of a chart is normal, where a
single grave value is easily lost.
"""

SPANS = {
    "respiratory_rate": (0, 60), "spo2": (0, 100), "systolic": (0, 260), "heart_rate": (0, 220),
}  # fmt: skip
RESULTS = {
    "potassium": (1.0, 12.0), "lactate": (0.5, 15.0), "haemoglobin": (3.0, 22.0),
    "wbc": (0.1, 80.0), "bilirubin": (0.2, 30.0),
}  # fmt: skip
WHOLE_RESULTS = {"sodium": (100, 170), "glucose": (20, 700), "platelets": (1, 1200)}
LEVELS_OF_CONSCIOUSNESS = ("Alert", "Confused", "Voice", "Pain", "Unresponsive")
NORMAL = {
    "respiratory_rate": 16.0, "spo2": 97.0, "systolic": 124.0, "heart_rate": 72.0,
    "temperature": 36.8, "fio2": 21.0, "acvpu": 0.0, "potassium": 4.2, "lactate": 1.0,
    "haemoglobin": 14.0, "wbc": 7.5, "bilirubin": 0.6, "sodium": 140.0, "glucose": 100.0,
    "platelets": 250.0,
}  # fmt: skip
# What of an Observation can't be used, by members to replace.
UNUSABLE = {
    "draft": {"status": "preliminary"},
    "absent": {"valueQuantity": None, "dataAbsentReason": {"text": "Probe off"}},
    "words": {"valueQuantity": None, "valueString": "not recordable"},
    "unit": {"valueQuantity": {"value": 1, "unit": "furlong"}},
    "modified": {"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]},
}
# What of an Observation makes it none of the patient's of this moment.
STRANGERS = {
    "somebody else": {"subject": {"reference": "Patient/p2"}},
    "withdrawn": {"status": "entered-in-error"},
    "the fetus": {"focus": [{"reference": "Patient/fetus"}]},
    "tomorrow": {"effectiveDateTime": "2026-03-30T20:00:00Z"},
    "another code": {"code": {"coding": [{"system": "http://loinc.org", "code": "8302-2"}]}},
}
# A set of vital signs that scores no point of NEWS2.
NORMAL_SIGNS = {
    "heart_rate": 72,
    "respiratory_rate": 15,
    "spo2": 97,
    "systolic": 124,
    "temperature": 36.8,
    "acvpu": 0,
    "fio2": 21,
}
