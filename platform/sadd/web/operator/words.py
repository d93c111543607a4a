"""What the page says, in Arabic and in English.

Sentences that count things avoid the need for plurals: a label, then the number.
"""

from collections.abc import Mapping
from typing import Literal

Language = Literal["ar", "en"]
LANGUAGES: tuple[Language, ...] = ("ar", "en")

_WORDS: Mapping[str, tuple[str, str]] = {
    # name: (Arabic, English)
    "title": ("غرف الانتظار", "Waiting rooms"),
    "operator": ("صفحة المشغّل", "Operator's page"),
    "other_language": ("English", "العربية"),
    "skip": ("انتقل إلى المحتوى", "Skip to the content"),
    "sign_in": ("تسجيل الدخول", "Sign in"),
    "sign_out": ("تسجيل الخروج", "Sign out"),
    "key": ("مفتاح الواجهة البرمجية", "API key"),
    "key_hint": (
        "مفتاح له النطاق queues:admin. لا يُحفظ في هذه الصفحة ولا في عنوانها.",
        "A key with the scope queues:admin. It is kept neither in this page nor in its address.",
    ),
    "session_hint": (
        "تنتهي الجلسة بعد ربع ساعة دون استعمال، وبعد ثماني ساعات على أي حال.",
        "The session ends after a quarter of an hour without use, and after eight hours in any case.",
    ),
    "signed_in_as": ("المفتاح المستعمل", "Signed in with key"),
    "wrong_key": ("هذا المفتاح غير ساري المفعول.", "This key is not in force."),
    "weak_key": (
        "لا يسمح هذا المفتاح بإدارة غرف الانتظار: ينقصه النطاق queues:admin.",
        "This key may not manage waiting rooms: it lacks the scope queues:admin.",
    ),
    "too_many": (
        "محاولات كثيرة من هذا العنوان. أعد المحاولة بعد دقيقة.",
        "Too many tries from this address. Try again in a minute.",
    ),
    "foreign": (
        "لم يأتِ هذا النموذج من هذه الصفحة، فلم يتغيّر شيء. عُد وأعد المحاولة.",
        "This form did not come from this page, so nothing was changed. Go back and try again.",
    ),
    "store_away": (
        "المخزن لا يجيب الآن، فلا نعرف من سجّل الدخول ولم يتغيّر شيء. أعد المحاولة بعد لحظات.",
        "The store does not answer just now, so nobody knows who is signed in, and nothing was changed. "
        "Try again in a moment.",
    ),
    "no_room": ("لا توجد غرفة بهذا الاسم لجهتك.", "Your agency has no such room."),
    "back": ("العودة إلى الغرف", "Back to the rooms"),
    "back_to_room": ("العودة إلى الغرفة", "Back to the room"),
    # The rooms
    "refresh": ("تحديث", "Refresh"),
    "as_of": ("الحالة عند", "As of"),
    "live_on": ("تشغيل التحديث التلقائي", "Turn live updates on"),
    "live_off": ("إيقاف التحديث التلقائي", "Turn live updates off"),
    "live_asleep": (
        "توقّف التحديث التلقائي لأن الصفحة لم تُستعمل. اضغط الزر لمتابعته.",
        "Live updates have stopped, since the page was not used. Press the button to go on.",
    ),
    "live_ended": (
        "انتهت الجلسة. سجّل الدخول من جديد.",
        "The session has ended. Sign in again.",
    ),
    "find": ("ابحث عن غرفة", "Find a room"),
    "find_hint": ("المعرّف أو الاسم أو الجهة", "Id, name or agency"),
    "search": ("بحث", "Search"),
    "live_rooms": ("الغرف العاملة", "Live rooms"),
    "found_rooms": ("الغرف المطابقة", "Rooms that match"),
    "nobody_waits": ("لا أحد ينتظر الآن في أي غرفة.", "Nobody waits in any room just now."),
    "none_found": ("لا توجد غرفة مطابقة.", "No room matches."),
    "more_rooms": (
        "تُعرض أول الغرف فقط. ضيّق البحث لرؤية غيرها.",
        "Only the first rooms are shown. Narrow the search to see others.",
    ),
    "room": ("الغرفة", "Room"),
    "agency": ("الجهة", "Agency"),
    "state": ("الحالة", "State"),
    "waiting": ("المنتظرون", "Waiting"),
    "waiting_now": ("المنتظرون الآن", "Waiting now"),
    "outflow": ("الدخول في الدقيقة", "Let in a minute"),
    "target": ("المستهدف", "Target"),
    "measured": ("المقيس", "Measured"),
    "active": ("النشطون", "Active"),
    "cap": ("الحد الأقصى للنشطين", "Cap of active users"),
    "no_shows": ("من نودي ولم يأتِ", "Called who did not come"),
    "wait_last": ("انتظار آخر من في الصف", "Wait of the last in line"),
    "coverage": ("تقديرات صدقت", "Estimates that came true"),
    "coverage_hint": ("المراد 80٪ تقريبًا", "about 80% is meant"),
    "health": ("سلامة الخدمة", "Health of the origin"),
    "health_share": ("المسموح به من الدخول", "Outflow that it allows"),
    "failed_share": ("إجابات فاشلة", "Answers that failed"),
    "leader": ("القائد", "Leader"),
    "leader_epoch": ("دورة القيادة", "Term of the leader"),
    "leader_seen": ("ثوانٍ منذ آخر خطوة", "Seconds since its last step"),
    "leader_late": (
        "لم يكتب القائد شيئًا منذ أكثر من 15 ثانية: الصف لا يتحرك أو أن المخزن بعيد.",
        "The leader has written nothing for more than 15 seconds: the line stands still, or the store "
        "is away.",
    ),
    "unknown": ("غير معروف", "not known"),
    "none": ("لا شيء", "none"),
    "yes": ("نعم", "yes"),
    "no": ("لا", "no"),
    "minutes": ("د", "min"),
    "ms": ("م.ث", "ms"),
    "stock_left": ("المتبقي من المخزون", "Stock left"),
    "version": ("نسخة الإعدادات", "Version of the settings"),
    "state_open": ("مفتوحة، لا أحد ينتظر", "open, nobody waits"),
    "state_queueing": ("الصف يتحرك", "the line moves"),
    "state_paused": ("متوقفة مؤقتًا", "paused"),
    "state_closed": ("مغلقة", "closed"),
    "state_scheduled": ("مجدولة", "scheduled"),
    "state_gathering": ("التجمّع قبل البدء", "gathering"),
    "state_ended": ("منتهية", "ended"),
    "state_unknown": ("غير معروفة", "not known"),
    # One room
    "now": ("الآن", "Now"),
    "setting": ("الإعداد", "Setting"),
    "value": ("القيمة", "Value"),
    "last_hour": ("الساعة الأخيرة", "The last hour"),
    "chart_waiting": ("عدد المنتظرين", "People waiting"),
    "chart_outflow": ("الدخول في الدقيقة: المستهدف والمقيس", "Let in a minute: target and measured"),
    "chart_active": ("النشطون والحد الأقصى", "Active users and the cap"),
    "chart_shares": (
        "النسب: من حضر بعد ندائه، وما تسمح به سلامة الخدمة",
        "Shares: of the called who come, and of the outflow that the origin's health allows",
    ),
    "shows": ("الحضور", "Come when called"),
    "last": ("الأخير", "last"),
    "time": ("الوقت (التوقيت العالمي)", "Time (UTC)"),
    "minutes_ago": ("قبل (دقيقة)", "minutes ago"),
    "no_history": ("لا توجد قياسات بعد.", "There are no measurements yet."),
    "as_table": ("القياسات في جدول", "The measurements as a table"),
    "lanes": ("المسارات", "Lanes"),
    "lane": ("المسار", "Lane"),
    "lane_open": ("المسار العام", "Open lane"),
    "share": ("الحصة المعلنة", "Declared share"),
    "history": ("آخر التغييرات", "Latest changes"),
    "who": ("من", "Who"),
    "when": ("متى (التوقيت العالمي)", "When (UTC)"),
    "why": ("السبب", "Why"),
    # The levers
    "controls": ("التحكّم", "Controls"),
    "controls_hint": (
        "يُعرض كل تغيير قبل تنفيذه، ثم يُسجَّل باسم مفتاحك.",
        "Each change is shown before it is made, and is then recorded under your key.",
    ),
    "pause": ("إيقاف النداء مؤقتًا", "Pause calling"),
    "pause_hint": (
        "لا يُنادى أحد، ولا يفقد أحد مكانه ولا دوره.",
        "Nobody is called, and nobody loses a place or a turn.",
    ),
    "resume": ("متابعة النداء", "Resume calling"),
    "resume_hint": ("يتابع الصف من حيث وقف.", "The line goes on from where it stood."),
    "rate": ("معدل الدخول", "Rate"),
    "rate_label": ("الداخلون في الدقيقة، على الأكثر", "Visitors let in a minute, at most"),
    "cap_label": ("المستعملون في وقت واحد، على الأكثر", "Users at the same time, at most"),
    "close": ("إغلاق الغرفة", "Close the room"),
    "close_hint": (
        "لا تُعطى أرقام جديدة. من له رقم يحتفظ به.",
        "No numbers are given out any more. Who has one keeps it.",
    ),
    "reopen": ("فتح الغرفة", "Open the room"),
    "reopen_hint": ("تُعطى الأرقام من جديد.", "Numbers are given out again."),
    "message": ("إعلان للمنتظرين", "Message to those who wait"),
    "message_ar": ("بالعربية", "In Arabic"),
    "message_en": ("بالإنجليزية", "In English"),
    "message_hint": (
        "يظهر في صفحة الانتظار خلال ثانية. اترك الحقلين فارغين لإزالته.",
        "Shown on the waiting page within a second. Leave both empty to take it away.",
    ),
    "note_label": ("السبب (للسجل)", "Reason (for the record)"),
    "look": ("عرض ما سيتغيّر", "Show what will change"),
    # Before a change, and after it
    "preview": ("ما الذي سيتغيّر", "What will change"),
    "nothing_changed_yet": ("لم يتغيّر شيء بعد.", "Nothing has been changed yet."),
    "before": ("الآن", "Now"),
    "after": ("بعد التغيير", "Then"),
    "no_difference": ("لن يتغيّر شيء: هذه هي الإعدادات الآن.", "Nothing would change: it is so already."),
    "effect": ("أثر التغيير في الغرفة", "What it does to the room"),
    "effect_wait": (
        "انتظار آخر من في الصف، من الإعدادات وحدها",
        "Wait of the last in line, by the settings alone",
    ),
    "effect_over": (
        "عدد النشطين الآن أكبر من الحد الجديد: لن يدخل أحد حتى يخرج بعضهم. لا يُخرج أحد.",
        "More are active now than the new cap allows: nobody comes in until some have left. "
        "Nobody is put out.",
    ),
    "effect_paused": ("لا يُنادى أحد حتى يُتابَع النداء.", "Nobody is called until you resume."),
    "effect_closed": (
        "من يصل بعد ذلك يرى أن الغرفة مغلقة.",
        "Whoever comes after this is told that the room is closed.",
    ),
    "apply": ("نفّذ التغيير", "Make the change"),
    "cancel": ("إلغاء", "Cancel"),
    "done": ("نُفّذ التغيير وسُجّل.", "The change was made and recorded."),
    "moved": (
        "غيّر شخص آخر هذه الغرفة في هذه الأثناء. لم يتغيّر شيء؛ انظر إلى الإعدادات الجديدة ثم قرّر.",
        "Somebody else changed this room meanwhile. Nothing was changed; look at the new settings, "
        "then decide.",
    ),
    "not_a_number": ("اكتب عددًا صحيحًا.", "Write a whole number."),
    "wrong": ("لا يمكن حفظ هذه الإعدادات", "These settings cannot be kept"),
    "both_languages": (
        "اكتب الإعلان باللغتين، أو اترك الحقلين فارغين.",
        "Write the message in both languages, or leave both empty.",
    ),
    "field_suspended": ("النداء متوقف مؤقتًا", "Calling is paused"),
    "field_outflow_per_minute": ("الداخلون في الدقيقة", "Let in a minute"),
    "field_active_cap": ("الحد الأقصى للنشطين", "Cap of active users"),
    "field_method": ("الطريقة", "Method"),
    "field_message": ("الإعلان", "Message"),
    "method_fifo": ("بالترتيب", "first in, first out"),
    "method_lottery": ("بالقرعة", "lottery"),
    "method_passthrough": ("دخول مباشر", "passthrough"),
    "method_closed": ("مغلقة", "closed"),
}


def words(language: Language) -> Mapping[str, str]:
    """All of them in one language."""
    index = LANGUAGES.index(language)
    return {name: pair[index] for name, pair in _WORDS.items()}
